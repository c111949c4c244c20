import { Hono } from 'hono';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Body, Ingest } from './ingest.ts';

/**
 * `PUT`, `POST` and `DELETE /ingest/{key}/{path...}`, as ffmpeg (`-method PUT`), GStreamer and Shaka Packager send. The key is a
 * capability: it is looked up by its hash, and is in no answer and no log line.
 */
export function ingestRoutes(ingest: Ingest, log: Log): Hono {
  const app = new Hono();
  const parts = (url: string): { key: string; path: string } => {
    // The raw path: a router would decode it, and `%2e%2e` has to be seen as what it is.
    const [, key = '', path = ''] = /^\/ingest\/([^/]*)\/(.*)$/.exec(new URL(url).pathname) ?? [];
    return { key, path };
  };

  app.on(['PUT', 'POST'], '/ingest/*', async (c) => {
    const { key, path } = parts(c.req.url);
    const announced = c.req.header('content-length');
    const body: Body = {
      stream: c.req.raw.body,
      length: announced === undefined ? undefined : Number(announced),
      range: contentRange(c.req.header('content-range')),
    };
    try {
      const { admitted, missing } = await ingest.put(key, path, body);
      return c.json({ admitted, missing }, 201);
    } catch (error) {
      log.warn({ err: error, path }, 'upload refused');
      if (error instanceof SegueError && error.retryable) await readOut(body.stream);
      throw error;
    }
  });
  app.delete('/ingest/*', async (c) => {
    const { key, path } = parts(c.req.url);
    await ingest.remove(key, path);
    return c.body(null, 204);
  });
  app.all('/ingest/*', (c) => {
    throw new SegueError('method_not_allowed', `${c.req.method} is not for ingest`, {
      hint: 'Upload with PUT or POST, take back with DELETE; watch at the playlist service.',
    });
  });
  return app;
}

/** Of a refused upload so much is still read, and for so long. */
const readOutMost = { bytes: 64 * 1024 * 1024, ms: 10_000 };

/** An answer that comes before the body has gone out reaches many clients as a closed connection: they would not know that it may be tried again. */
async function readOut(stream: Body['stream']): Promise<void> {
  if (stream === null || stream.locked) return;
  let bytes = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      bytes += chunk.byteLength;
      if (bytes > readOutMost.bytes) throw new Error('more than is read of what is refused');
    },
  });
  await stream.pipeTo(sink, { signal: AbortSignal.timeout(readOutMost.ms) }).catch(() => undefined);
}

/** A partial PUT (RFC 9110, 14.5): `bytes first-last/*`. */
function contentRange(header: string | undefined): Body['range'] {
  if (header === undefined) return undefined;
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(?:\*|\d{1,15})$/.exec(header);
  const offset = Number(match?.[1]);
  const length = Number(match?.[2]) - offset + 1;
  if (match === null || length < 1) {
    throw new SegueError('invalid_request', 'Content-Range is not "bytes first-last/*"');
  }
  return { offset, length };
}
