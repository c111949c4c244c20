import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { historyHours, historyStepSeconds } from '../../src/catalog/history.ts';
import type { ListPosition } from '../../src/catalog/video-list.ts';
import { SegueError } from '../../src/ops/errors.ts';
import { caching } from '../headers.ts';
import { adminOnly } from '../identity.ts';
import { adminScheme, errorResponses } from '../openapi.ts';
import type { RequestVariables, Service } from '../service.ts';
import { feedRoute } from './feed.ts';
import { eventSchema, shownEvent } from './shown-event.ts';
import { videoRow, videoRowSchema } from './video-row.ts';

const security = [{ [adminScheme]: [] }];

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

const figure = z.number().nullable();
const pointSchema = z
  .object({
    at: z.number().describe('Seconds since 1970'),
    bucketAnswers: z.number().describe('Segments a second that players were sent to the bucket for'),
    nodeAnswers: z.number().describe('Segments a second that came from nodes'),
    heldAnswers: z.number().describe('Segments a second that were held until they were made'),
    exposureSeconds: figure.describe('Media whose only copy is one node, of all videos'),
    exposedVideos: figure,
    watchedVideos: figure,
    renderingVideos: figure.describe('Videos that a node holds the lease of'),
    nodesReady: figure,
    nodesDraining: figure,
    nodesDead: figure.describe('Silent for less than an hour'),
    cpuMean: figure.describe('Part of the processors of live nodes, 0 to 1'),
    cpuMost: figure,
    diskMost: figure,
    encoders: figure,
    copyQueue: figure.describe('Segments that wait to be copied'),
    copyRate: figure.describe('Bytes a second'),
  })
  .openapi('HistoryPoint');

/** Points of one answer at most, about. */
const mostPoints = 400;

/** Lists for operators: `GET /v1/videos`, `/v1/history`, `/v1/event-log`, and the stream of changes `/v1/overview`. */
export function overviewRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, service: Service): void {
  const { ports } = service;
  const admin = adminOnly(ports.settings.adminToken);
  const known = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };

  const videos = createRoute({
    method: 'get',
    path: '/v1/videos',
    summary: 'Videos and streams, newest first, page by page',
    security,
    middleware: [admin] as const,
    request: {
      query: z.object({
        limit: z.coerce.number().int().min(1).max(500).default(100),
        after: z.string().max(300).optional().describe('Where to go on: `next` of the page before'),
        id: z
          .string()
          .regex(/^[\w-]{1,100}$/)
          .optional()
          .describe('Only those whose id begins so'),
      }),
    },
    responses: {
      200: json(
        z.object({
          videos: z.array(videoRowSchema),
          next: z.string().nullable().describe('Null: this is the last page'),
        }),
        'A page',
      ),
      ...errorResponses(400, 401, 503),
    },
  });
  app.openapi(videos, async (c) => {
    const { limit, after, id } = c.req.valid('query');
    const [rows, nodes] = await known(
      Promise.all([
        ports.catalog.overview.videos(limit, {
          ...(after === undefined ? {} : { after: parsePosition(after) }),
          ...(id === undefined ? {} : { idPrefix: id }),
        }),
        ports.catalog.nodes(),
      ]),
    );
    const live = new Set(nodes.filter(({ state }) => state !== 'dead').map((node) => node.id));
    const last = rows.length < limit ? undefined : rows.at(-1);
    c.header('cache-control', caching.never);
    return c.json(
      {
        videos: rows.map((row) => videoRow(row, live)),
        next: last === undefined ? null : `${last.createdAtUs}.${last.renderId}`,
      },
      200,
    );
  });

  const historyRoute = createRoute({
    method: 'get',
    path: '/v1/history',
    summary: `Figures of the last hours: a point each ${historyStepSeconds} s, or averages of longer`,
    security,
    middleware: [admin] as const,
    request: {
      query: z.object({ hours: z.coerce.number().int().min(1).max(historyHours).default(1) }),
    },
    responses: {
      200: json(
        z.object({ stepSeconds: z.int(), points: z.array(pointSchema) }),
        'The points, oldest first. A figure is null where nobody looked',
      ),
      ...errorResponses(400, 401, 503),
    },
  });
  app.openapi(historyRoute, async (c) => {
    const { hours } = c.req.valid('query');
    const steps = Math.ceil((hours * 3600) / historyStepSeconds / mostPoints);
    const stepSeconds = steps * historyStepSeconds;
    const points = await known(ports.catalog.overview.history(hours, stepSeconds));
    c.header('cache-control', caching.never);
    return c.json({ stepSeconds, points }, 200);
  });

  const log = createRoute({
    method: 'get',
    path: '/v1/event-log',
    summary: 'What happened to nodes, videos and the policy, newest first, page by page',
    security,
    middleware: [admin] as const,
    request: {
      query: z.object({
        limit: z.coerce.number().int().min(1).max(500).default(100),
        before: z.coerce
          .number()
          .int()
          .min(1)
          .optional()
          .describe('Only older ones than the one with this id'),
      }),
    },
    responses: {
      200: json(z.object({ events: z.array(eventSchema) }), 'The events; of the last 20,000'),
      ...errorResponses(400, 401, 503),
    },
  });
  app.openapi(log, async (c) => {
    const { limit, before } = c.req.valid('query');
    const rows = await known(ports.catalog.overview.events(limit, before));
    c.header('cache-control', caching.never);
    return c.json({ events: rows.map(shownEvent) }, 200);
  });

  feedRoute(app, service, admin);
}

/** @throws SegueError `invalid_request` */
function parsePosition(text: string): ListPosition {
  const [, us = '', renderId = ''] = /^(\d{1,17})\.(.+)$/.exec(text) ?? [];
  if (renderId === '') {
    throw new SegueError('invalid_request', `after: "${text.slice(0, 60)}" is no position in the list`, {
      hint: 'Send what `next` of the page before says, or nothing for the first page.',
    });
  }
  return { createdAtUs: Number(us), renderId };
}
