import { timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import type { CopyState, SuspectCopy } from '../copy/lost.ts';
import { errorBody, SegueError, statusOf } from '../ops/errors.ts';
import type { Metrics } from '../ops/metrics.ts';
import { type ObservedVariables, observed } from '../ops/observed.ts';
import { rangeOf } from '../ops/range.ts';
import type { RequestEvent } from '../ops/request-event.ts';
import type { Tracing } from '../ops/trace.ts';
import { containerOfExtension, mediaType } from '../rendition/kind.ts';
import type { DiskStore } from '../store/disk.ts';
import { immutable } from '../store/names.ts';
import type { Reconciling } from './reconciling.ts';
import type { Renders } from './renders.ts';
import { nodeSegmentPath, type UrlSigner } from './sign.ts';

/** What the node's HTTP side needs. */
export interface NodeAppOptions {
  readonly disk: DiskStore;
  readonly renders: Renders;
  readonly signer: UrlSigner;
  /** Shared with the playlist service. */
  readonly secret: string;
  readonly metrics: Metrics;
  /** Called for each request that was answered. */
  readonly onRequest?: (event: RequestEvent) => void;
  readonly tracing?: Tracing | undefined;
  /** Fetches, pins and probes what a description's `src` names; answers the asset's facts. */
  readonly pinAsset: (src: string, signal: AbortSignal) => Promise<unknown>;
  /** SHA-256 of a registered module. */
  readonly moduleHash: (name: string) => Promise<string>;
  /** Called where a damaged segment was found and removed. */
  readonly onDamaged: (renderId: string, rendition: string, n: number) => void;
  readonly isReady: () => boolean;
  /** What the bucket has of a segment; corrects its row where it has lost it. */
  readonly checkCopy: (copy: SuspectCopy) => Promise<CopyState>;
  /** A segment from the bucket; undefined where it has none. */
  readonly readCopy: (copy: SuspectCopy) => Promise<Uint8Array | undefined>;
  readonly reconciling: Pick<Reconciling, 'start' | 'last'>;
  /** Begins to drain; within so many seconds at most. */
  readonly drain: (seconds: number) => void;
}

/** Without `n` any segment will do: the init segment is what is waited for. */
const wantSchema = z.strictObject({
  want: z
    .strictObject({
      n: z.int().min(0).optional(),
      rendition: z.string().max(64).optional(),
      watch: z.literal(true).optional(),
    })
    .optional(),
});
const reconcileSchema = z.strictObject({
  verify: z.boolean().default(false),
  bucket: z.boolean().default(false),
});
const drainSchema = z.strictObject({ seconds: z.number().min(0).max(86_400) });
const copySchema = z.strictObject({
  renderId: z.string().max(128),
  rendition: z.string().max(64),
  n: z.int().min(0),
});
const assetSchema = z.strictObject({ src: z.string().min(1).max(4096) });

/**
 * The origin: `GET /s/{renderId}/{rendition}/{n}.m4s` with Range, ETag and an expiring signature, and the playlist service's
 * own calls behind the shared secret.
 */
export function nodeApp(options: NodeAppOptions): Hono<{ Variables: ObservedVariables }> {
  const { disk, renders, signer } = options;
  const app = new Hono<{ Variables: ObservedVariables }>();
  const { onRequest, tracing } = options;
  app.use('*', observed({ now: () => performance.now(), onRequest, tracing, shown: withoutKey }));

  app.onError((error, c) => {
    const known =
      error instanceof z.ZodError ? new SegueError('invalid_request', z.prettifyError(error)) : error;
    c.error = known;
    const status = known instanceof SegueError ? statusOf(known.code) : 500;
    return c.json(errorBody(known, c.get('requestId')), status);
  });
  app.notFound((c) => c.json(errorBody(new SegueError('not_found', `Nothing at ${c.req.path}`)), 404));

  app.use('*', async (c, next) => {
    await next();
    // It answers machines: nothing of it is for a browser to run, or to show in a frame.
    c.header('x-content-type-options', 'nosniff');
    c.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  });

  app.get('/healthz', (c) =>
    c.json({ status: options.isReady() ? 'ok' : 'stopping' }, options.isReady() ? 200 : 503),
  );
  app.get('/readyz', (c) =>
    c.json({ status: options.isReady() ? 'ok' : 'stopping' }, options.isReady() ? 200 : 503),
  );
  app.get('/metrics', async (c) =>
    c.text(await options.metrics.text(), 200, { 'content-type': options.metrics.contentType }),
  );

  app.get('/s/:renderId/:rendition/:file', async (c) => {
    const { renderId, rendition, file } = c.req.param();
    const [, number, extension = ''] = /^(\d{1,7})\.(\w{2,3})$/.exec(file) ?? [];
    const container = containerOfExtension(extension);
    if (container === undefined) throw new SegueError('not_found', `There is no segment called ${file}`);
    const n = Number(number);
    const path = nodeSegmentPath(renderId, rendition, n, container);
    if (!(await signer.verify(path, new URL(c.req.url).searchParams, Date.now()))) {
      throw new SegueError('unauthorized', 'The signature of this URL is wrong or has expired');
    }
    const known = disk.facts(renderId, rendition, n) !== undefined;
    const segment = await disk.read(renderId, rendition, n);
    if (segment === undefined) {
      if (known) options.onDamaged(renderId, rendition, n);
      throw new SegueError('not_found', `This node has no segment ${n} of ${rendition}`);
    }
    renders.played(renderId, rendition, n);
    const crc = segment.crc32.toString(16).padStart(8, '0');
    const headers = {
      etag: `"${crc}-${segment.data.byteLength}"`,
      'x-segue-crc32': crc,
      'cache-control': immutable,
      'content-type': mediaType({ kind: rendition === 'audio' ? 'audio' : 'video', container }),
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
    };
    if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers);
    return ranged({ range: c.req.header('range'), ifRange: c.req.header('if-range') }, segment.data, headers);
  });

  for (const path of ['/renders/*', '/assets', '/modules/*', '/drain', '/copies/*', '/reconcile'])
    app.use(path, bearer(options.secret), bounded);

  app.post('/renders/:renderId', async (c) => {
    const { want } = wantSchema.parse(await body(c.req.raw));
    const acquired = await renders.take(
      c.req.param('renderId'),
      want === undefined ? undefined : { ...want, trace: tracing?.current() },
    );
    if (!acquired.ours) {
      const error = new SegueError('lease_held', 'Another node holds the lease of this render');
      return c.json({ ...errorBody(error), holder: acquired.holder }, 409);
    }
    return c.json({ epoch: acquired.lease.epoch }, 202);
  });
  app.post('/assets', async (c) => {
    const { src } = assetSchema.parse(await body(c.req.raw));
    return c.json((await options.pinAsset(src, c.req.raw.signal)) as object);
  });
  app.post('/copies/check', async (c) => {
    const copy = copySchema.parse(await body(c.req.raw));
    return c.json({ state: await options.checkCopy(copy) });
  });
  // For those whom the bucket's public address does not serve.
  app.post('/copies/read', async (c) => {
    const copy = copySchema.parse(await body(c.req.raw));
    const bytes = await options.readCopy(copy);
    if (bytes === undefined) throw new SegueError('not_found', 'The bucket has no such segment');
    return new Response(new Uint8Array(bytes), {
      headers: {
        'content-length': String(bytes.byteLength),
        'x-segue-crc32': crc32(bytes).toString(16).padStart(8, '0'),
      },
    });
  });
  // It may take long: whoever asks looks again.
  app.post('/reconcile', async (c) => {
    const ask = reconcileSchema.parse(await body(c.req.raw));
    return c.json({ run: options.reconciling.start(ask) }, 202);
  });
  app.get('/reconcile', (c) => c.json({ run: options.reconciling.last() ?? null }));
  app.post('/drain', async (c) => {
    const { seconds } = drainSchema.parse(await body(c.req.raw));
    options.drain(seconds);
    return c.json({ state: 'draining' }, 202);
  });
  app.get('/modules/:name', async (c) => c.json({ sha256: await options.moduleHash(c.req.param('name')) }));
  return app;
}

/** A path as it may be logged: the key of a stream is a credential. */
const withoutKey = (path: string): string => path.replace(/^\/ingest\/[^/]*/, '/ingest/***');

const bounded = bodyLimit({
  maxSize: 65_536,
  onError: () => {
    throw new SegueError('too_large', 'The body is larger than 64 KiB');
  },
});

async function body(request: Request): Promise<unknown> {
  const text = await request.text();
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new SegueError('invalid_request', 'The body is not JSON', { cause: error });
  }
}

function bearer(secret: string) {
  const expected = Buffer.from(`Bearer ${secret}`);
  return async (
    c: { req: { header(name: string): string | undefined } },
    next: () => Promise<void>,
  ): Promise<void> => {
    const given = Buffer.from(c.req.header('authorization') ?? '');
    if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
      throw new SegueError(
        'unauthorized',
        'This call needs the secret that nodes and playlist service share',
      );
    }
    await next();
  };
}

/** A whole or partial answer (RFC 9110, section 14). */
function ranged(
  request: { readonly range: string | undefined; readonly ifRange: string | undefined },
  data: Buffer<ArrayBuffer>,
  headers: Record<string, string> & { etag: string },
): Response {
  const size = data.byteLength;
  const range = rangeOf(request.range, size, headers.etag, request.ifRange);
  if (range.kind === 'unsatisfiable')
    return new Response(null, { status: 416, headers: { ...headers, 'content-range': `bytes */${size}` } });
  if (range.kind === 'whole')
    return new Response(data, { headers: { ...headers, 'content-length': String(size) } });
  const { from, to } = range;
  return new Response(data.subarray(from, to), {
    status: 206,
    headers: {
      ...headers,
      'content-range': `bytes ${from}-${to - 1}/${size}`,
      'content-length': String(to - from),
    },
  });
}
