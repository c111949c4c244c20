import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listen } from '../../../src/ops/listen.ts';

/** Sends a chunked upload and closes the connection without waiting for an answer. */
async function upload(url: string, size: number, end: string): Promise<void> {
  const closed = Promise.withResolvers<void>();
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
    socket.write('PUT /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(`${size.toString(16)}\r\n`);
    socket.write(Buffer.alloc(size, 1));
    socket.write(`\r\n${end}`, () => socket.destroy());
  });
  socket.on('close', () => closed.resolve());
  socket.on('error', () => undefined);
  await closed.promise;
}

test('an upload whose client does not wait for the answer is read to its end, and one that was cut is not taken for whole', async () => {
  const seen = Promise.withResolvers<string>();
  let outcome = seen;
  const app = {
    fetch: async (request: Request): Promise<Response> => {
      let bytes = 0;
      try {
        for await (const chunk of request.body ?? []) {
          bytes += chunk.byteLength;
          // As slow as a disk may be: the client has long gone.
          await delay(2);
        }
        outcome.resolve(`whole ${bytes}`);
      } catch {
        outcome.resolve('cut');
      }
      return new Response(null, { status: 201 });
    },
  };
  const server = await listen(app, '127.0.0.1', 0, { halfOpen: true });
  try {
    await upload(server.url, 300_000, '0\r\n\r\n');
    expect(await outcome.promise).toBe('whole 300000');
    outcome = Promise.withResolvers<string>();
    await upload(server.url, 300_000, '3\r\nab');
    expect(await outcome.promise).toBe('cut');
  } finally {
    await server.close(100);
  }
});

test('what a client has sent counts, also where its kernel resets the connection before the answer to an earlier upload', async () => {
  const seen: string[] = [];
  const put = (path: string): string =>
    `PUT ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n`;
  const last = Promise.withResolvers<void>();
  const app = {
    fetch: async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname === '/a') {
        // In the same turn as the answer, so that the kernel has both before anything is read of them.
        client.write(put('/b') + put('/c'));
        client.resetAndDestroy();
        return new Response('a', { status: 201 });
      }
      await delay(pathname === '/b' ? 50 : 0);
      seen.push(`${pathname} ${await request.text()}`);
      if (seen.length === 2) last.resolve();
      return new Response(null, { status: 201 });
    },
  };
  const server = await listen(app, '127.0.0.1', 0, { halfOpen: true });
  const client = connect(Number(new URL(server.url).port), '127.0.0.1');
  try {
    await once(client, 'connect');
    client.write(put('/a'));
    await last.promise;
    expect(seen.toSorted()).toEqual(['/b bytes', '/c bytes']);
  } finally {
    await server.close(100);
  }
});
