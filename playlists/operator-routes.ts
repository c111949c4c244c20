import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { NodeRow } from '../src/catalog/nodes.ts';
import { SegueError } from '../src/ops/errors.ts';
import { smallBody } from './body-text.ts';
import { eventStreams } from './event-stream.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const nodeSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    host: z.string(),
    pid: z.int(),
    state: z.enum(['ready', 'draining', 'dead']),
    load: z.record(z.string(), z.number()),
    heartbeatAt: z.iso.datetime(),
  })
  .openapi('Node');

const drainSchema = z
  .strictObject({
    deadlineSeconds: z
      .number()
      .min(0)
      .max(86_400)
      .default(300)
      .describe('It ends within this time, whatever is left'),
  })
  .openapi('Drain');

/** Announcements that wait for a slow reader; more are dropped, since each is only a hint to look again. */
const maxBacklog = 500;
/** Between two looks at the nodes, in milliseconds; a comment keeps the connection busy where nothing is new. */
const nodesEveryMs = 2000;

/** For the API's description: these routes need the admin token. */
const security = [{ [adminScheme]: [] }];

/** `GET /v1/nodes` and `GET /v1/events`, for operators. */
export function operatorRoutes(
  app: OpenAPIHono<{ Variables: RequestVariables }>,
  { ports, nodes: client }: Service,
): void {
  app.use('/v1/nodes/*', adminOnly(ports.settings.adminToken), smallBody);
  app.use('/v1/events/*', adminOnly(ports.settings.adminToken));

  const nodes = async (): Promise<z.output<typeof nodeSchema>[]> => {
    try {
      return (await ports.catalog.nodes()).map(shownNode);
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };

  const list = createRoute({
    method: 'get',
    path: '/v1/nodes',
    summary: 'Every node ever seen',
    security,
    responses: {
      200: {
        description: 'The nodes',
        content: { 'application/json': { schema: z.object({ nodes: z.array(nodeSchema) }) } },
      },
      ...errorResponses(401, 503),
    },
  });
  app.openapi(list, async (c) => {
    c.header('cache-control', caching.never);
    return c.json({ nodes: await nodes() }, 200);
  });

  const drain = createRoute({
    method: 'post',
    path: '/v1/nodes/{id}/drain',
    summary:
      'Have a node end: it takes nothing new, hands over or ends what it renders, and copies what only it holds',
    security,
    request: {
      params: z.object({ id: z.string().max(63) }),
      body: { content: { 'application/json': { schema: drainSchema } }, required: false },
    },
    responses: {
      202: { description: 'It has begun', content: { 'application/json': { schema: nodeSchema } } },
      ...errorResponses(400, 401, 404, 413, 503),
    },
  });
  app.openapi(drain, async (c) => {
    const { id } = c.req.valid('param');
    const { deadlineSeconds } = drainSchema.parse((await c.req.json().catch(() => undefined)) ?? {});
    const node = (await nodes()).find((one) => one.id === id);
    if (node === undefined) {
      throw new SegueError('not_found', `There is no node ${id}`, { hint: 'GET /v1/nodes lists them.' });
    }
    if (node.state === 'dead') {
      throw new SegueError('no_node', `Node ${id} is dead: there is nothing to drain`, { retryable: false });
    }
    await client.drain(node, deadlineSeconds, c.req.raw.signal);
    c.header('cache-control', caching.never);
    return c.json({ ...node, state: 'draining' as const }, 202);
  });

  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/events',
    security,
    summary:
      'Server-sent events: `nodes` when one comes, goes or restarts, `change` whenever a copy or a render changes',
    responses: {
      200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } },
      ...errorResponses(401, 503),
    },
  });
  const stream = eventStreams(ports);
  app.get('/v1/events', (c) =>
    stream(c, async (to) => {
      const backlog: string[] = [];
      const watch = ports.changes.watchAll((change) => {
        if (backlog.length < maxBacklog) backlog.push(JSON.stringify(change));
      });
      let told = '';
      try {
        for (let nodesAt = 0; !to.over.aborted && (await c.get('stillValid')?.()) !== false; ) {
          if (ports.now() - nodesAt >= nodesEveryMs) {
            nodesAt = ports.now();
            // While the catalog is away the stream stays open and says nothing of nodes.
            const data = await nodes().catch(() => undefined);
            const state =
              data === undefined ? told : JSON.stringify(data.map(({ id, pid, state }) => [id, pid, state]));
            if (data !== undefined && state !== told)
              await to.event({ event: 'nodes', data: JSON.stringify(data) });
            else await to.idle();
            told = state;
          }
          for (const data of backlog.splice(0)) await to.event({ event: 'change', data });
          await watch.next(nodesEveryMs, to.over);
        }
      } finally {
        watch.stop();
      }
    }),
  );
}

/** A node, as the API tells it. */
export const shownNode = (node: NodeRow): z.output<typeof nodeSchema> => ({
  id: node.id,
  url: node.url,
  host: node.host,
  pid: node.pid,
  state: node.state,
  load: { ...node.load },
  heartbeatAt: new Date(node.heartbeatAt).toISOString(),
});
