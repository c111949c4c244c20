import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { NodeRow } from '../src/catalog/nodes.ts';
import { countOf } from '../src/catalog/ranges.ts';
import { SegueError } from '../src/ops/errors.ts';
import { currentFacts } from './facts.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import {
  copyNow,
  type Evicted,
  evictBytes,
  evictedSchema,
  evictRender,
  explain,
  explanationSchema,
} from './node-policy.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';
import { isStreamId } from './stream-id.ts';

const security = [{ [adminScheme]: [] }];
const params = z.object({ id: z.string().max(200) });
const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
const queuedSchema = z.object({ segments: z.int().describe('Queued, on all nodes together') });
const time = z.iso.datetime({ offset: true }).optional();

/** Days that a trace goes back without being told. */
const traceDays = 7;

/** Why a video is copied or not, and what operators do with its copies by hand; what was watched, as a trace. */
export function copyRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, service: Service): void {
  const { ports, nodes: client } = service;
  for (const path of [
    '/v1/videos/:id/explanation',
    '/v1/videos/:id/copy',
    '/v1/videos/:id/evict',
    '/v1/trace',
  ])
    app.use(path, adminOnly(ports.settings.adminToken));

  /** The render of a video or stream, and the live nodes, those first that have most to do with it. */
  const placesOf = async (id: string): Promise<{ renderId: string; all: NodeRow[]; having: NodeRow[] }> => {
    const renderId = isStreamId(id)
      ? await streamRender(service, id)
      : (await currentFacts(ports, id)).renderId;
    try {
      const [copies, nodes, lease] = await Promise.all([
        ports.catalog.copiesOf(renderId),
        ports.catalog.nodes(),
        ports.catalog.leaseOf(renderId),
      ]);
      const sizes = new Map<string, number>();
      for (const { place, segments } of copies) sizes.set(place, (sizes.get(place) ?? 0) + countOf(segments));
      const weight = ({ id: node }: NodeRow): number =>
        (node === lease?.nodeId ? Number.MAX_SAFE_INTEGER : 0) + (sizes.get(node) ?? 0);
      const live = nodes.filter(({ state }) => state !== 'dead');
      const all = live.toSorted((a, b) => weight(b) - weight(a));
      return { renderId, all, having: all.filter((node) => (sizes.get(node.id) ?? 0) > 0) };
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };

  const explanation = createRoute({
    method: 'get',
    path: '/v1/videos/{id}/explanation',
    summary: 'What of a video is copied, by which rule, from which figures, and what would change it',
    security,
    request: { params },
    responses: {
      200: json(explanationSchema, 'As the node sees it that holds most of it'),
      ...errorResponses(401, 404, 503),
    },
  });
  app.openapi(explanation, async (c) => {
    const { renderId, all } = await placesOf(c.req.valid('param').id);
    const [node] = all;
    if (node === undefined) throw new SegueError('no_node', 'No node is there to say it');
    c.header('cache-control', caching.never);
    return c.json(await explain(client, node, renderId, c.req.raw.signal), 200);
  });

  const copy = createRoute({
    method: 'post',
    path: '/v1/videos/{id}/copy',
    summary: 'Copies what exists of a video to the bucket, whatever the policy says',
    security,
    request: { params },
    responses: { 202: json(queuedSchema, 'It has begun'), ...errorResponses(401, 404, 503) },
  });
  app.openapi(copy, async (c) => {
    const { renderId, having } = await placesOf(c.req.valid('param').id);
    let segments = 0;
    for (const node of having) segments += await copyNow(client, node, renderId, c.req.raw.signal);
    c.header('cache-control', caching.never);
    return c.json({ segments }, 202);
  });

  const evict = createRoute({
    method: 'post',
    path: '/v1/videos/{id}/evict',
    summary:
      'Takes a video off the disks of nodes: what the bucket has, and what can be rendered again and nobody watches',
    security,
    request: { params },
    responses: { 200: json(evictedSchema, 'What has left'), ...errorResponses(401, 404, 503) },
  });
  app.openapi(evict, async (c) => {
    const { renderId, having } = await placesOf(c.req.valid('param').id);
    const sum: Evicted = { segments: 0, bytes: 0 };
    for (const node of having) {
      const { segments, bytes } = await evictRender(client, node, renderId, c.req.raw.signal);
      sum.segments += segments;
      sum.bytes += bytes;
    }
    c.header('cache-control', caching.never);
    return c.json(sum, 200);
  });

  const evictNode = createRoute({
    method: 'post',
    path: '/v1/nodes/{id}/evict',
    summary: 'Makes room on the disk of a node: so many bytes, or as much as the low watermark says',
    security,
    request: {
      params,
      body: {
        content: { 'application/json': { schema: z.strictObject({ bytes: z.number().min(0).optional() }) } },
        required: false,
      },
    },
    responses: { 200: json(evictedSchema, 'What has left'), ...errorResponses(400, 401, 404, 503) },
  });
  app.openapi(evictNode, async (c) => {
    const { id } = c.req.valid('param');
    const node = (await ports.catalog.nodes()).find((one) => one.id === id && one.state !== 'dead');
    if (node === undefined) {
      throw new SegueError('not_found', `There is no live node ${id}`, { hint: 'GET /v1/nodes lists them.' });
    }
    const { bytes } = c.req.valid('json') ?? {};
    c.header('cache-control', caching.never);
    return c.json(await evictBytes(client, node, bytes, c.req.raw.signal), 200);
  });

  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/trace',
    security,
    summary: `What was watched, as a trace file for segue simulate; without from: the last ${traceDays} days`,
    request: { query: z.object({ from: time, to: time }) },
    responses: {
      200: { description: 'The trace', content: { 'application/x-ndjson': { schema: z.string() } } },
      ...errorResponses(400, 401, 503),
    },
  });
  app.get('/v1/trace', async (c) => {
    const query = z.object({ from: time, to: time }).safeParse(c.req.query());
    if (!query.success) throw new SegueError('invalid_request', z.prettifyError(query.error));
    const to = query.data.to === undefined ? ports.now() : Date.parse(query.data.to);
    const from = query.data.from === undefined ? to - traceDays * 86_400_000 : Date.parse(query.data.from);
    if (from >= to) throw new SegueError('invalid_request', 'from: expected a time before to');
    c.header('content-type', 'application/x-ndjson');
    c.header('cache-control', caching.never);
    // Hono neither reads nor cancels the body of the answer to GET.
    if (c.req.method === 'HEAD') return c.body(null, 200);
    const lines = ports.catalog.policies.trace(from, to);
    // Where the catalog does not answer, that is said while an error can be.
    const first = await lines.next();
    const broken = (error: unknown): boolean => {
      ports.onTrouble?.('trace export', error);
      return ports.cut?.(c.env) ?? false;
    };
    return c.body(bodyOf(first, lines, broken));
  });
}

/**
 * Lines as a body that is read no faster than it is taken. Where they break off it fails, lest it look whole, unless `broken` has cut
 * the connection.
 */
function bodyOf(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
  broken: (error: unknown) => boolean,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let known: IteratorResult<string> | undefined = first;
  let isGone = false;
  return new ReadableStream({
    async pull(controller) {
      try {
        const line = known ?? (await rest.next());
        known = undefined;
        if (isGone) return;
        if (line.done === true) controller.close();
        else controller.enqueue(encoder.encode(`${line.value}\n`));
      } catch (error) {
        if (isGone) return;
        if (!broken(error)) controller.error(error);
      }
    },
    async cancel() {
      isGone = true;
      await rest.return(undefined);
    },
  });
}

/** @throws SegueError `not_found` */
async function streamRender({ ports }: Service, id: string): Promise<string> {
  const head = await ports.catalog.streams.head(id);
  if (head === undefined) throw new SegueError('not_found', 'There is no such stream');
  return head.renderId;
}
