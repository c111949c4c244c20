import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { joinReports, type Run, reportSchema } from '../src/catalog/findings.ts';
import type { NodeRow } from '../src/catalog/nodes.ts';
import { placeRender } from '../src/node/placement.ts';
import { SegueError } from '../src/ops/errors.ts';
import { smallBody } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const askSchema = z
  .strictObject({
    verify: z
      .boolean()
      .default(false)
      .describe('Read every file of every node, and compare it with its checksum; else only look at it'),
  })
  .openapi('Reconcile');

const state = z.enum(['idle', 'running', 'done', 'failed']);
const nodeSchema = z.object({
  id: z.string(),
  state: state.describe('`idle`: it has not reconciled since it started'),
  run: z.string().nullable().describe('Tells one run of this node from the next'),
  bucket: z.boolean().describe('It compares the bucket, too'),
  error: z.string().nullable().describe('Why it failed'),
});
const answerSchema = z
  .object({
    state: state.describe('`running` while any node is, `failed` where one has failed'),
    nodes: z.array(nodeSchema),
    report: reportSchema.describe('Of all nodes together, as far as they have come'),
  })
  .openapi('Reconciliation');
type NodeAnswer = z.output<typeof nodeSchema>;

/** A node answers from memory: this long, in milliseconds, and it counts as failed. */
const nodeMs = 10_000;

/** `POST /v1/reconcile` has the nodes compare disks, bucket and rows; `GET /v1/reconcile` says how far they are. */
export function reconcileRoutes(
  app: OpenAPIHono<{ Variables: RequestVariables }>,
  { ports, nodes: client }: Service,
): void {
  app.use('/v1/reconcile', adminOnly(ports.settings.adminToken), smallBody);

  const liveNodes = async (): Promise<NodeRow[]> => {
    try {
      return (await ports.catalog.nodes()).filter((node) => node.state !== 'dead');
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };
  const limited = (signal: AbortSignal): AbortSignal =>
    AbortSignal.any([signal, AbortSignal.timeout(nodeMs)]);

  type Asked = { readonly node: NodeRow; readonly run?: Run | undefined; readonly error?: unknown };
  const begin = async (
    node: NodeRow,
    verify: boolean,
    bucket: boolean,
    signal: AbortSignal,
  ): Promise<Asked> => {
    try {
      return { node, run: await client.reconcile(node, { verify, bucket }, limited(signal)) };
    } catch (error) {
      signal.throwIfAborted();
      return { node, error };
    }
  };
  /** Every ready node its disk, and the first that can the bucket as well. */
  const beginAll = async (verify: boolean, signal: AbortSignal): Promise<Asked[]> => {
    const ready = (await liveNodes()).filter((node) => node.state === 'ready');
    const asked: Asked[] = [];
    const left = (): NodeRow[] => ready.filter(({ id }) => asked.every(({ node }) => node.id !== id));
    for (let node = placeRender('bucket', ready); node !== undefined; node = placeRender('bucket', left())) {
      const answer = await begin(node, verify, true, signal);
      asked.push(answer);
      if (answer.run !== undefined) break;
    }
    if (asked.length === 0) {
      throw new SegueError('no_node', 'No node is ready', { hint: 'Start one; GET /v1/nodes lists them.' });
    }
    return [...asked, ...(await Promise.all(left().map((node) => begin(node, verify, false, signal))))];
  };
  const look = async (node: NodeRow, signal: AbortSignal): Promise<Asked> => {
    try {
      return { node, run: await client.reconciliation(node, limited(signal)) };
    } catch (error) {
      signal.throwIfAborted();
      return { node, error };
    }
  };

  const security = [{ [adminScheme]: [] }];
  const content = { 'application/json': { schema: answerSchema } };
  const start = createRoute({
    method: 'post',
    path: '/v1/reconcile',
    summary:
      'Have all nodes compare disks, bucket and rows, and put right what differs; they go on by themselves',
    security,
    request: { body: { content: { 'application/json': { schema: askSchema } }, required: false } },
    responses: { 202: { description: 'It has begun', content }, ...errorResponses(400, 401, 413, 503) },
  });
  app.openapi(start, async (c) => {
    // What is not as described was refused before.
    const { verify } = askSchema.parse((await c.req.json().catch(() => undefined)) ?? {});
    c.header('cache-control', caching.never);
    return c.json(answerOf(await beginAll(verify, c.req.raw.signal)), 202);
  });

  const progress = createRoute({
    method: 'get',
    path: '/v1/reconcile',
    summary: 'How far the live nodes are with that, or what came of the last time',
    security,
    responses: { 200: { description: 'State and report', content }, ...errorResponses(401, 503) },
  });
  app.openapi(progress, async (c) => {
    const { signal } = c.req.raw;
    const asked = await Promise.all((await liveNodes()).map((node) => look(node, signal)));
    c.header('cache-control', caching.never);
    return c.json(answerOf(asked), 200);
  });
}

function answerOf(
  asked: readonly { readonly node: NodeRow; readonly run?: Run | undefined; readonly error?: unknown }[],
): z.output<typeof answerSchema> {
  const nodes = asked
    .map(({ node, run, error }): NodeAnswer => {
      const { id } = node;
      if (error !== undefined) {
        const why = error instanceof SegueError ? error.message : 'It does not answer';
        return { id, state: 'failed', run: null, bucket: false, error: why };
      }
      if (run === undefined) return { id, state: 'idle', run: null, bucket: false, error: null };
      return { id, state: run.state, run: run.id, bucket: run.bucket, error: run.error };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const states = new Set(nodes.map((node) => node.state));
  const order = ['running', 'failed', 'done', 'idle'] as const;
  return {
    state: order.find((one) => states.has(one)) ?? 'idle',
    nodes,
    report: joinReports(asked.flatMap(({ run }) => (run === undefined ? [] : [run.report]))),
  };
}
