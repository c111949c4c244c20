import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { SegueError } from '../src/ops/errors.ts';
import { labelSchema, mostLabels, readLabels } from '../src/policy/labels.ts';
import { profileNames } from '../src/render/profile-names.ts';
import { renditionKinds } from '../src/rendition/kind.ts';
import { acceptVideo } from './accept.ts';
import { readText } from './body-text.ts';
import { currentFacts } from './facts.ts';
import { caching } from './headers.ts';
import { clientOnly } from './identity.ts';
import { accountOf } from './limits.ts';
import { descriptionReference, errorResponses } from './openapi.ts';
import { forKnown, isOutsider, playbackUrl } from './playback.ts';
import { pathOf } from './render-facts.ts';
import type { RequestVariables, Service } from './service.ts';
import { gridSummary, statusOf } from './status.ts';
import { isStreamId } from './stream-id.ts';
import { shownUrl, streamAnswer, streamSchema } from './stream-routes.ts';

/** A description may be this large, in bytes. */
const maxBodyBytes = 1024 * 1024;

const stateSchema = z.enum(['waiting', 'rendering', 'rendered', 'stored', 'failed']);
const rangesSchema = z
  .array(z.tuple([z.int(), z.int()]))
  .describe('Half-open ranges [from, to) of segment numbers');

const acceptedSchema = z
  .object({
    id: z.string(),
    url: z.url().describe('The multivariant playlist'),
    urlExpiresAt: z.iso.datetime().optional().describe('Where playback URLs are signed'),
    duration: z.number().describe('Seconds'),
    state: stateSchema,
    estimatedCpuSeconds: z.number().optional().describe('Of a new one: what it is taken out of the budgets'),
  })
  .openapi('AcceptedVideo');

const videoSchema = z
  .object({
    ...acceptedSchema.omit({ estimatedCpuSeconds: true }).shape,
    description: z.object({
      kind: z.string(),
      size: z.object({ width: z.int(), height: z.int() }),
      fps: z.number(),
      seed: z.number(),
    }),
    grid: z.object({
      segments: z.int(),
      targetDuration: z.int(),
      runs: z.array(z.object({ from: z.int(), to: z.int(), seconds: z.number() })),
    }),
    renderId: z.string().optional().describe(forKnown),
    profile: z.string(),
    generation: z.int(),
    failure: z.string().nullable(),
    sealed: z.boolean().describe('The bucket alone plays'),
    renditions: z.array(
      z.object({
        name: z.string(),
        path: z.string().describe('Name in URLs'),
        kind: z.enum(renditionKinds),
        onDemand: z.boolean().describe('Made once somebody asks; the video counts as complete without it'),
        segments: z.int(),
        codecs: z.string(),
        bucket: rangesSchema,
        nodes: z.record(z.string(), rangesSchema).optional().describe(`By id of a live node. ${forKnown}`),
        absent: rangesSchema,
      }),
    ),
    subtitles: z
      .array(z.object({ path: z.string(), name: z.string(), language: z.string().nullable() }))
      .describe('Made from the description by the service itself: they have no copies and are never absent'),
    exposureSeconds: z.number().describe('Seconds of playable media whose only copy is one node'),
    lease: z.object({ node: z.string(), epoch: z.int() }).nullable().optional().describe(forKnown),
  })
  .openapi('Video');

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** `POST /v1/videos` and `GET /v1/videos/{id}`. */
export function videoRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, service: Service): void {
  // The description is parsed by its own parser, whose messages say every problem at once.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/videos',
    summary: 'Take in a description and begin to make it',
    request: {
      query: z.object({
        profile: z
          .string()
          .optional()
          .describe(`How a new video is encoded: ${profileNames.join(', ')}. A known one keeps its profile.`),
        label: z
          .array(labelSchema)
          .max(mostLabels)
          .optional()
          .describe('What kind of video it is, for rules of the policy; again for further ones'),
      }),
      body: { required: true, content: { 'application/json': { schema: descriptionReference } } },
    },
    responses: {
      201: json(acceptedSchema, 'A new video'),
      200: json(acceptedSchema, 'A video that was known: the same description is the same video'),
      ...errorResponses(400, 401, 403, 413, 422, 429, 503),
    },
  });
  app.post('/v1/videos', clientOnly(service.ports), async (c) => {
    const accepted = await acceptVideo(
      service,
      readJson(await readText(c.req.raw, maxBodyBytes)),
      {
        profileName: c.req.query('profile'),
        labels: readLabels(c.req.queries('label') ?? []),
        client: accountOf(c, service.ports),
      },
      c.req.raw.signal,
    );
    const { id, duration, isNew, costSeconds } = accepted;
    if (isNew) c.set('subject', id);
    const state = isNew
      ? accepted.started
        ? 'rendering'
        : 'waiting'
      : (await statusNow(service, id)).status.state;
    c.header('cache-control', caching.never);
    const cost = costSeconds === undefined ? {} : { estimatedCpuSeconds: costSeconds };
    const url = await playbackUrl(c, service, id);
    return c.json({ id, ...url, duration, state, ...cost }, isNew ? 201 : 200);
  });

  const get = createRoute({
    method: 'get',
    path: '/v1/videos/{id}',
    summary: 'Where the segments of a video are',
    request: { params: z.object({ id: z.string() }) },
    responses: {
      200: json(z.union([videoSchema, streamSchema]), 'The video, or the stream'),
      ...errorResponses(404, 503),
    },
  });
  app.openapi(get, async (c) => {
    const { id } = c.req.valid('param');
    c.header('cache-control', caching.never);
    if (isStreamId(id)) return c.json(await streamAnswer(c, service, id), 200);
    const { facts, status, lease } = await statusNow(service, id);
    const { kind, size, seed } = facts.description;
    const known = !isOutsider(c, service);
    const video: z.output<typeof videoSchema> = {
      id: facts.videoId,
      ...(await shownUrl(c, service, facts.videoId)),
      duration: facts.duration,
      state: status.state,
      description: { kind, size, fps: facts.frameRate.num / facts.frameRate.den, seed },
      grid: gridSummary(facts),
      ...(known && { renderId: facts.renderId }),
      profile: facts.profile,
      generation: facts.generation,
      failure: facts.failure ?? null,
      sealed: facts.sealed,
      renditions: status.renditions.map(({ nodes, ...rendition }) => ({
        ...rendition,
        codecs: facts.renditions.find(({ name }) => name === rendition.name)?.codecs ?? '',
        bucket: pairs(rendition.bucket),
        ...(known && {
          nodes: Object.fromEntries(Object.entries(nodes).map(([id, ranges]) => [id, pairs(ranges)])),
        }),
        absent: pairs(rendition.absent),
      })),
      subtitles: facts.subtitles.map(({ name, title, language }) => ({
        path: pathOf(facts, name),
        name: title,
        language: language ?? null,
      })),
      exposureSeconds: status.exposureSeconds,
      ...(known && { lease: lease === undefined ? null : { node: lease.nodeId, epoch: lease.epoch } }),
    };
    return c.json(video, 200);
  });
}

const pairs = (ranges: readonly (readonly [number, number])[]): [number, number][] =>
  ranges.map(([from, to]) => [from, to]);

async function statusNow({ ports }: Service, id: string) {
  const facts = await currentFacts(ports, id);
  try {
    const [copies, nodes, lease] = await Promise.all([
      ports.catalog.copiesOf(facts.renderId),
      ports.catalog.nodes(),
      ports.catalog.leaseOf(facts.renderId),
    ]);
    const live = new Set(nodes.filter(({ state }) => state !== 'dead').map((node) => node.id));
    return { facts, status: statusOf(facts, copies, live), lease };
  } catch (error) {
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Ask again in a moment.',
    });
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SegueError('invalid_request', 'The body is not JSON', {
      cause: error,
      hint: 'Send a description as application/json; examples/ has some.',
    });
  }
}
