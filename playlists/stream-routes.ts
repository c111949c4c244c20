import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { newStreamKey, streamKeyHash } from '../src/catalog/stream-key.ts';
import type { StreamHead } from '../src/catalog/stream-lists.ts';
import { placeRender } from '../src/node/placement.ts';
import { SegueError } from '../src/ops/errors.ts';
import { absoluteUrl } from './absolute-url.ts';
import { readText } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import { forKnown, isOutsider, playbackUrl } from './playback.ts';
import type { RequestContext, RequestVariables, Service } from './service.ts';
import { streamFacts } from './stream-facts.ts';
import { isStreamId, newStreamIds } from './stream-id.ts';
import { type StreamRenditionStatus, streamStatus } from './stream-status.ts';

const security = [{ [adminScheme]: [] }];
const maxBodyBytes = 64 * 1024;

const newStreamSchema = z
  .strictObject({
    name: z.string().max(200).default('').describe('For people'),
    window: z
      .number()
      .min(1)
      .max(86_400)
      .nullable()
      .default(null)
      .describe('Seconds that stay listed; null: everything since the beginning'),
    targetDuration: z
      .int()
      .min(1)
      .max(60)
      .nullable()
      .default(null)
      .describe('Whole seconds that no segment will exceed; null: what the source says'),
  })
  .openapi('NewStream');

const summary = {
  id: z.string(),
  url: z.url().describe('The multivariant playlist'),
  urlExpiresAt: z.iso.datetime().optional().describe('Where playback URLs are signed'),
  name: z.string(),
  state: z.enum(['waiting', 'live', 'ended', 'failed']),
  failure: z.string().nullable(),
  window: z.number().nullable().describe('Seconds that stay listed; null: everything'),
  targetDuration: z.int().nullable(),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
};
const summarySchema = z.object(summary).openapi('StreamSummary');

const createdSchema = z
  .object({
    id: z.string(),
    url: z.url().describe('The multivariant playlist'),
    urlExpiresAt: z.iso.datetime().optional().describe('Where playback URLs are signed'),
    key: z.string().describe('The right to write this stream. Shown once, and kept as a hash only'),
    ingest: z
      .array(z.url())
      .describe('Where to PUT playlists and segments below, one URL a live node; the chosen one first'),
  })
  .openapi('CreatedStream');

const rangesSchema = z
  .array(z.tuple([z.int(), z.int()]))
  .describe('Half-open ranges [from, to) of segment numbers');

/** `GET /v1/streams/{id}`, and `GET /v1/videos/{id}` of a stream. */
export const streamSchema = z
  .object({
    ...summary,
    renderId: z.string().optional().describe(forKnown),
    sealed: z.boolean().describe('The bucket alone plays'),
    renditions: z.array(
      z.object({
        name: z.string().describe('Name in URLs'),
        kind: z.enum(['video', 'audio', 'iframes', 'images', 'subtitles']),
        container: z.enum(['fmp4', 'mpegts', 'packed', 'jpeg', 'webvtt']),
        codecs: z.string().nullable(),
        segments: z.int().describe('Admitted so far'),
        ended: z.boolean().describe('The source has ended it'),
        bucket: rangesSchema,
        nodes: z.record(z.string(), rangesSchema).optional().describe(`By id of a live node. ${forKnown}`),
        absent: rangesSchema.describe('Listed, but its node is away: requests are held'),
        exposureSeconds: z.number(),
      }),
    ),
    exposureSeconds: z
      .number()
      .describe('Seconds of media whose only copy is one node: of the worst rendition'),
    lease: z.object({ node: z.string(), epoch: z.int() }).nullable().optional().describe(forKnown),
  })
  .openapi('Stream');

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
const params = z.object({ id: z.string() });

/** `/v1/streams`, for operators: making a stream hands out the right to write it. */
export function streamRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, service: Service): void {
  const { ports } = service;
  app.use('/v1/streams', adminOnly(ports.settings.adminToken));
  app.use('/v1/streams/*', adminOnly(ports.settings.adminToken));

  // An empty body is fine, so the body is read here.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/streams',
    summary: 'Make a stream that another program renders',
    security,
    request: { body: { content: { 'application/json': { schema: newStreamSchema } } } },
    responses: { 201: json(createdSchema, 'The stream'), ...errorResponses(400, 401, 413, 503) },
  });
  app.post('/v1/streams', async (c) => {
    const wanted = parsed(await readText(c.req.raw, maxBodyBytes));
    const key = newStreamKey();
    const ids = newStreamIds();
    const nodes = await asked(async () => {
      await ports.catalog.streams.create({
        ...ids,
        name: wanted.name,
        keyHash: await streamKeyHash(key),
        windowSeconds: wanted.window,
        targetDuration: wanted.targetDuration,
      });
      return ports.catalog.nodes();
    });
    const ready = nodes.filter(({ state }) => state === 'ready');
    const chosen = placeRender(ids.renderId, ready, new Set());
    const others = ready.filter((node) => node !== chosen);
    c.header('cache-control', caching.never);
    const ingest = [...(chosen === undefined ? [] : [chosen]), ...others].map(
      ({ url }) => `${url}/ingest/${key}/`,
    );
    c.set('subject', ids.videoId);
    const url = await playbackUrl(c, service, ids.videoId);
    return c.json({ id: ids.videoId, ...url, key, ingest }, 201);
  });

  const list = createRoute({
    method: 'get',
    path: '/v1/streams',
    summary: 'The newest streams',
    security,
    responses: {
      200: json(z.object({ streams: z.array(summarySchema) }), 'The streams, the newest first'),
      ...errorResponses(401, 503),
    },
  });
  app.openapi(list, async (c) => {
    const streams = await asked(() => ports.catalog.streams.newest());
    c.header('cache-control', caching.never);
    const shown = await Promise.all(streams.map((stream) => summaryOf(c, service, stream)));
    return c.json({ streams: shown }, 200);
  });

  const get = createRoute({
    method: 'get',
    path: '/v1/streams/{id}',
    summary: 'How a stream stands, and where its segments are',
    security,
    request: { params },
    responses: { 200: json(streamSchema, 'The stream'), ...errorResponses(401, 404, 503) },
  });
  app.openapi(get, async (c) => {
    c.header('cache-control', caching.never);
    return c.json(await streamAnswer(c, service, c.req.valid('param').id), 200);
  });

  const end = createRoute({
    method: 'delete',
    path: '/v1/streams/{id}',
    summary:
      'End a stream: its key opens nothing any more, and its lists end once everything is in the bucket',
    security,
    request: { params },
    responses: { 200: json(streamSchema, 'The stream as it stands now'), ...errorResponses(401, 404, 503) },
  });
  app.openapi(end, async (c) => {
    const { id } = c.req.valid('param');
    const { renderId } = await streamFacts(ports, id);
    await asked(() => ports.catalog.streams.end(renderId));
    c.header('cache-control', caching.never);
    return c.json(await streamAnswer(c, service, id), 200);
  });
}

/** How a stream stands. @throws SegueError `not_found`, `catalog_unavailable` */
export async function streamAnswer(
  c: RequestContext,
  service: Service,
  id: string,
): Promise<z.output<typeof streamSchema>> {
  const { ports } = service;
  if (!isStreamId(id)) throw new SegueError('not_found', 'There is no such stream');
  const head = await streamFacts(ports, id);
  const { status, durations, lease } = await asked(async () => {
    const [copies, nodes, lease] = await Promise.all([
      ports.catalog.copiesOf(head.renderId),
      ports.catalog.nodes(),
      ports.catalog.leaseOf(head.renderId),
    ]);
    const live = new Set(nodes.filter(({ state }) => state !== 'dead').map((node) => node.id));
    const status = streamStatus(head, copies, live);
    const exposed = new Map(status.map((one) => [one.name, one.exposed]));
    return { status, lease, durations: await ports.catalog.streams.durations(head.renderId, exposed) };
  });
  const known = !isOutsider(c, service);
  const exposure = (one: StreamRenditionStatus): number => (durations.get(one.name) ?? 0) / 1e6;
  return {
    ...(await summaryOf(c, service, head)),
    ...(known && { renderId: head.renderId }),
    sealed: head.sealedAt !== null,
    renditions: head.renditions.map(({ name, kind, container, attributes, count, ended }, index) => {
      const one = status[index];
      return {
        name,
        kind,
        container,
        codecs: attributes.codecs ?? null,
        segments: count,
        ended,
        bucket: pairs(one?.bucket),
        ...(known && {
          nodes: Object.fromEntries(Object.entries(one?.nodes ?? {}).map(([node, at]) => [node, pairs(at)])),
        }),
        absent: pairs(one?.absent),
        exposureSeconds: one === undefined ? 0 : exposure(one),
      };
    }),
    exposureSeconds: Math.max(0, ...status.map(exposure)),
    ...(known && { lease: lease === undefined ? null : { node: lease.nodeId, epoch: lease.epoch } }),
  };
}

const pairs = (ranges: readonly (readonly [number, number])[] = []): [number, number][] =>
  ranges.map(([from, to]) => [from, to]);

type Summarised = Pick<
  StreamHead,
  'videoId' | 'name' | 'state' | 'failure' | 'windowSeconds' | 'targetDuration' | 'createdAt' | 'endedAt'
>;

const summaryOf = async (
  c: RequestContext,
  service: Service,
  stream: Summarised,
): Promise<z.output<typeof summarySchema>> => ({
  id: stream.videoId,
  ...(await shownUrl(c, service, stream.videoId)),
  name: stream.name,
  state: stream.state,
  failure: stream.failure,
  window: stream.windowSeconds,
  targetDuration: stream.targetDuration,
  createdAt: stream.createdAt.toISOString(),
  endedAt: stream.endedAt?.toISOString() ?? null,
});

/** The playback URL of something that is asked about: one that plays only for those who have shown a key, where URLs are signed. */
export const shownUrl = async (
  c: RequestContext,
  service: Service,
  id: string,
): ReturnType<typeof playbackUrl> =>
  isOutsider(c, service) ? { url: absoluteUrl(c, `/v/${id}/index.m3u8`) } : playbackUrl(c, service, id);

/** @throws SegueError `invalid_request` with every problem */
function parsed(text: string): z.output<typeof newStreamSchema> {
  let body: unknown = {};
  try {
    if (text.trim() !== '') body = JSON.parse(text);
  } catch (error) {
    throw new SegueError('invalid_request', 'The body is not JSON', { cause: error });
  }
  const result = newStreamSchema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new SegueError('invalid_request', problems[0] ?? 'The request is wrong', {
    problems,
    hint: 'A stream has name, window (seconds, or null for everything) and targetDuration (whole seconds).',
  });
}

async function asked<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (error instanceof SegueError) throw error;
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Ask again in a moment.',
    });
  }
}
