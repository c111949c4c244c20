import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A CDN in front of the bucket's public address. */
export interface Cdn extends AsyncDisposable {
  readonly url: string;
  /** Asks this from now on for what the bucket does not give: docs/OPERATING.md, "The CDN, and objects that the bucket loses". */
  failOver(service: string): void;
}

/** Headers that are passed on. */
const passed = [
  'access-control-allow-origin',
  'cache-control',
  'content-length',
  'content-range',
  'content-type',
  'etag',
];

/** Starts it. `bucket`: URL below which the bucket's objects are. */
export async function startCdn(bucket: string): Promise<Cdn> {
  const base = bucket.replace(/\/$/, '');
  let service: string | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/';
    const { method = 'GET' } = request;
    const range = request.headers.range;
    const init = { method, headers: range === undefined ? {} : { range } };
    let found = await fetch(`${base}${path}`, init).catch(() => undefined);
    // The service looks objects up with a HEAD: it must not be asked by its own question.
    if (found?.ok !== true && method === 'GET' && service !== undefined)
      found = await fetch(`${service}${path}`, init);
    if (found === undefined) throw new Error('no answer');
    const { headers } = found;
    const kept = passed.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    response.writeHead(found.status, Object.fromEntries(kept));
    if (found.body === null) response.end();
    // As it comes: a segment that is made again begins with what keeps the connection alive.
    else await pipeline(found.body, response);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failOver: (url) => {
      service = url;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
