import type { IncomingMessage, Server } from 'node:http';
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
  if (options.halfOpen === true) readOut(server);
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
 * What a client has sent is read to its end, whatever became of its side of the connection meanwhile. ffmpeg with
 * `-http_persistent 1` sends file after file without reading more of the answers than comes its way: its kernel resets the connection
 * when it ends, and the last files are still unread here when the answer to an earlier one is refused.
 */
function readOut(server: Server): void {
  // Node aborts a request whose client has closed its side, however complete its body is, unless it is told otherwise.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket: Socket) => {
    // A write that fails would destroy the socket with what is still to be read of it. Reading comes to the same end by itself.
    const told =
      (done: (error?: Error | null) => void) =>
      (error?: Error | null): void =>
        done(isGone(error) && !socket.readableEnded ? null : error);
    const write = socket._write.bind(socket);
    const writev = socket._writev?.bind(socket);
    socket._write = (chunk, encoding, done) => write(chunk, encoding, told(done));
    if (writev !== undefined) socket._writev = (chunks, done) => writev(chunks, told(done));
  });
  // Before the one that answers: what is read of it later is still there when its connection is gone.
  server.prependListener('request', (incoming: IncomingMessage) => {
    const destroy = incoming.destroy.bind(incoming);
    incoming.destroy = (error) => (incoming.complete && isGone(error) ? incoming : destroy(error));
  });
}

/** Whether an error says that the other side has closed or reset the connection. */
const isGone = (error: Error | null | undefined): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

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
