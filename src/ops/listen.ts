import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';

/** A listening HTTP server. */
export interface Listening {
  /** `http://host:port` without a trailing slash. */
  readonly url: string;
  /** Takes no new request, lets those that run end, and cuts what is left after `graceMs` milliseconds. */
  close(graceMs: number): Promise<void>;
}

/** A kept-alive connection may idle longer than most proxies in front of it keep theirs: they close first. */
const keepAliveMs = 75_000;

/** How to listen. */
export interface ListenOptions {
  /**
   * A client may close its connection as soon as it has sent its request, as ffmpeg does after each upload: the request is read to
   * its end all the same. Nothing tells then that a client has gone away while it waits for an answer.
   */
  readonly halfOpen?: boolean;
  /**
   * Several processes may listen on one port (SO_REUSEPORT; Linux): the kernel hands each new connection to one of those that
   * are alive.
   */
  readonly sharePort?: boolean;
}

/** Serves an app over HTTP. Port 0 takes any free one. */
export async function listen(
  app: Pick<Parameters<typeof createAdaptorServer>[0], 'fetch'>,
  host: string,
  port: number,
  options: ListenOptions = {},
): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch, hostname: host }) as Server;
  // Node aborts a request whose client has closed its side, however complete its body is, unless it is told otherwise.
  Object.assign(server, { httpAllowHalfOpen: options.halfOpen ?? false });
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = keepAliveMs + 5000;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, reusePort: options.sharePort ?? false }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  const name = host === '0.0.0.0' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${bound}`, close: (graceMs) => close(server, sockets, graceMs) };
}

/**
 * A client with a kept-alive connection that was in the middle of a request holds up a plain `close`: idle connections are
 * closed again and again until none is left. One that was opened ahead and never used does not count as idle for Node.
 */
async function close(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const idle = setInterval(() => {
    server.closeIdleConnections();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  }, 25);
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
  server.closeIdleConnections();
  await closed;
  clearInterval(idle);
  clearTimeout(deadline);
}

/** Address of the client of a request's connection. */
export function addressOf(environment: unknown): string | undefined {
  return (environment as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress;
}

/** Cuts the connection of a request: what has begun and cannot be finished must not look finished. */
export function cutConnection(environment: unknown): boolean {
  const outgoing = (environment as Partial<HttpBindings> | undefined)?.outgoing;
  if (outgoing === undefined) return false;
  outgoing.destroy();
  return true;
}
