import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { descriptionJsonSchema } from '../src/description/parse.ts';
import { errorBody, SegueError, statusOf } from '../src/ops/errors.ts';
import { observed } from '../src/ops/observed.ts';
import { audited } from './audit.ts';
import { onceCatalogAnswers } from './catalog-wait.ts';
import { caching, guarded, openToAll, preflight } from './headers.ts';
import { identify } from './identity.ts';
import { initRoute } from './init-route.ts';
import { keyRoutes } from './key-routes.ts';
import { limitChanges, limitStrangers } from './limits.ts';
import { mediaRoute } from './media-route.ts';
import { multivariantRoute } from './multivariant-route.ts';
import { objectRoute } from './object-route.ts';
import { documentShared, openApiInfo } from './openapi.ts';
import { documentRoutes } from './openapi-routes.ts';
import { operatorRoutes } from './operator-routes.ts';
import { overviewRoutes } from './overview/routes.ts';
import { cdnOnly, routedPath, signedOnly } from './playback.ts';
import { policyRoutes } from './policy-routes.ts';
import type { Ports } from './ports.ts';
import { reconcileRoutes } from './reconcile-routes.ts';
import { segmentRoute } from './segment-route.ts';
import { type RequestContext, type RequestVariables, type Service, service } from './service.ts';
import { steeringRoute } from './steering-route.ts';
import { playableStreamRoutes } from './stream-playable.ts';
import { streamRoutes } from './stream-routes.ts';
import { subtitleSegmentRoute } from './subtitles.ts';
import { targetsRoute } from './targets-route.ts';
import { posterRoute, thumbnailsRoute } from './thumbnail-routes.ts';
import { videoRoutes } from './video-routes.ts';

type App = OpenAPIHono<{ Variables: RequestVariables }>;

/** Seconds after which a client that was answered 429 or 503 may ask again, where nothing better is known. */
const retryAfter = 1;

const retryAfterOf = (error: unknown): string =>
  String(Math.ceil((error instanceof SegueError ? error.retryAfterSeconds : undefined) ?? retryAfter));

/**
 * The playlist service as a Hono app: the same on Node and on Workers, everything else comes in through `ports`.
 * It keeps no state but bounded caches and the requests that it is answering.
 */
export function createApp(ports: Ports): App {
  const app: App = new OpenAPIHono({
    getPath: routedPath,
    defaultHook: (result) => {
      if (result.success) return;
      const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw new SegueError('invalid_request', problems[0] ?? 'The request is wrong', { problems });
    },
  });
  const shared = service(ports);
  app.use('*', observed(ports));
  answerErrors(app);
  app.use('*', guarded);
  app.use('/v/*', signedOnly(shared));
  app.use('/renders/*', cdnOnly(shared));
  app.use('/v1/*', audited(ports), identify(ports), limitStrangers(ports), limitChanges(ports));
  playableStreamRoutes(app, shared);
  playableRoutes(app, shared);
  videoRoutes(app, shared);
  streamRoutes(app, shared);
  operatorRoutes(app, shared);
  overviewRoutes(app, shared);
  targetsRoute(app, shared);
  policyRoutes(app, shared);
  keyRoutes(app, shared);
  reconcileRoutes(app, shared);
  healthRoutes(app, shared);
  for (const routes of ports.routes ?? []) app.route('/', routes);
  documentShared(app.openAPIRegistry);
  documentRoutes(app.openAPIRegistry);
  app.doc31('/openapi.json', openApiInfo);
  refuseOtherMethods(app);
  return app;
}

/** Every error answer: JSON with a code of the closed list, never cached, and nothing of the inside. */
function answerErrors(app: App): void {
  const answer = (thrown: unknown, c: RequestContext): Response => {
    const error = thrown instanceof HTTPException ? refusedBody(thrown) : thrown;
    // The log and the metrics tell of what is answered.
    if (error instanceof Error) c.error = error;
    const status = error instanceof SegueError ? statusOf(error.code) : 500;
    if (c.req.path.startsWith('/v/') || c.req.path.startsWith('/renders/')) {
      for (const [name, value] of Object.entries(openToAll)) c.header(name, value);
    }
    c.header('cache-control', caching.never);
    if (status === 503 || status === 429) c.header('retry-after', retryAfterOf(error));
    return c.json(errorBody(error, c.get('requestId')), status);
  };
  app.onError(answer);
  app.notFound((c) =>
    answer(
      new SegueError('not_found', `There is nothing at ${c.req.path}`, { hint: 'See /openapi.json.' }),
      c,
    ),
  );
}

/** What the framework refuses by itself: a body that is not JSON, or is not said to be. */
const refusedBody = (cause: HTTPException): SegueError =>
  new SegueError('invalid_request', cause.message, {
    cause,
    hint: 'Send JSON, with the header "content-type: application/json".',
  });

/** Playlists and segments: open to every origin. */
function playableRoutes(app: App, shared: Service): void {
  for (const path of ['/v/*', '/renders/*'])
    app.options(path, () => new Response(null, { status: 204, headers: preflight }));
  app.get('/v/:id/index.m3u8', (c) => onceCatalogAnswers(c, shared, multivariantRoute));
  app.get('/v/:id/steering.json', (c) => onceCatalogAnswers(c, shared, steeringRoute));
  app.get('/v/:id/thumbnails.vtt', (c) => onceCatalogAnswers(c, shared, thumbnailsRoute));
  app.get('/v/:id/poster.jpg', (c) => onceCatalogAnswers(c, shared, posterRoute));
  app.get('/v/:id/:rendition/media.m3u8', (c) => onceCatalogAnswers(c, shared, mediaRoute));
  app.get('/v/:id/:rendition/init.mp4', (c) => onceCatalogAnswers(c, shared, initRoute));
  app.get('/v/:id/:rendition/:file{\\d+\\.(?:m4s|jpg)}', (c) => onceCatalogAnswers(c, shared, segmentRoute));
  app.get('/v/:id/:rendition/:file{\\d+\\.vtt}', (c) => onceCatalogAnswers(c, shared, subtitleSegmentRoute));
  app.get('/renders/:renderId/*', (c) => onceCatalogAnswers(c, shared, objectRoute));
}

function healthRoutes(app: App, { ports, holds, budget }: Service): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }, 200, { 'cache-control': caching.never }));
  app.get('/description.schema.json', (c) =>
    // Open to every origin: editors in a browser read it.
    c.body(JSON.stringify(descriptionJsonSchema()), 200, {
      ...openToAll,
      'cache-control': caching.moment,
      'content-type': 'application/schema+json',
    }),
  );
  app.get('/readyz', async (c) => {
    const catalog = await ports.catalog.ping().then(
      () => 'ok' as const,
      () => 'unavailable' as const,
    );
    const status = catalog === 'ok' ? 'ok' : 'degraded';
    const body = { status, catalog, holds: holds.count, bytesInFlight: budget.used };
    return c.json(body, catalog === 'ok' ? 200 : 503, { 'cache-control': caching.never });
  });
  const { metrics } = ports;
  if (metrics !== undefined) {
    app.get('/metrics', async (c) =>
      c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
    );
  }
}

/** A known path with another method is 405 with Allow (RFC 9110 15.5.6), not 404. */
function refuseOtherMethods(app: App): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === 'ALL') continue;
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, allowed] of methods) {
    if (path.endsWith('*')) continue;
    if (allowed.has('GET')) allowed.add('HEAD');
    app.all(path, (c) => {
      c.header('allow', [...allowed].join(', '));
      throw new SegueError('method_not_allowed', `${c.req.method} is not possible here`);
    });
  }
}
