import type { ClientRequest, Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What goes wrong between a client and its server. `times` bounds how many requests (connections for TCP) it hits; default all. */
export type ProxyFault =
  /** Nothing listens. */
  | { readonly kind: 'refuse' }
  /** The connection is reset as soon as a request comes. */
  | { readonly kind: 'reset'; readonly times?: number }
  /** Nothing ever answers, and the connection stays open. */
  | { readonly kind: 'blackhole'; readonly times?: number }
  /** Each request (chunk for TCP) waits, in milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number; readonly times?: number }
  /** The connection is cut after so many bytes of the answer's body (of the answer for TCP). */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly times?: number }
  /**
   * HTTP only: this status without asking the server, as S3's error `code` (of 503 `SlowDown`, else `InternalError`), from a
   * server whose clock is so many seconds off.
   */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly clockOff?: number;
      readonly times?: number;
    }
  /** The server does the work, its answer never arrives: the connection is cut instead. */
  | { readonly kind: 'swallow'; readonly times?: number };

/** A proxy that can be told to fail. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Requests (connections for TCP) that arrived, faulted ones included. */
  readonly arrived: number;
  /** Requests (connections for TCP) that a fault hit. */
  readonly faulted: number;
  /** The last 10,000 requests as `METHOD path` (HTTP only), faulted ones included. */
  readonly requests: readonly string[];
  /** Fails from now on; `undefined` works again. `match` limits it to some requests (HTTP only). */
  fail(fault: ProxyFault | undefined, match?: (method: string, path: string) => boolean): Promise<void>;
  stop(): Promise<void>;
}

interface State {
  fault: ProxyFault | undefined;
  match: (method: string, path: string) => boolean;
  left: number;
  arrived: number;
  faulted: number;
  readonly requests: string[];
}

/** The fault that hits this request, counted. */
function take(state: State, method = '', path = ''): ProxyFault | undefined {
  state.arrived += 1;
  state.requests.push(`${method} ${path.replace(/\?.*/, '')}`);
  if (state.requests.length > 10_000) state.requests.shift();
  if (state.fault === undefined || state.left <= 0 || !state.match(method, path)) return undefined;
  state.left -= 1;
  state.faulted += 1;
  return state.fault;
}

function answerHttp(request: IncomingMessage, response: ServerResponse, target: URL, state: State): void {
  const fault = take(state, request.method, request.url);
  const cut = () => request.socket.resetAndDestroy();
  if (fault?.kind === 'reset' || fault?.kind === 'refuse') return void cut();
  if (fault?.kind === 'blackhole') return void request.resume();
  if (fault?.kind === 'status') {
    request.resume();
    request.on('end', () => {
      const code = fault.code ?? (fault.status === 503 ? 'SlowDown' : 'InternalError');
      const date = new Date(Date.now() + (fault.clockOff ?? 0) * 1000).toUTCString();
      response.writeHead(fault.status, { 'content-type': 'application/xml', date });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>fault proxy</Message></Error>`);
    });
    return;
  }
  // The Host header goes through as it is, because S3 signatures cover it.
  const forward = (): ClientRequest => {
    const upstream = httpRequest(
      {
        host: target.hostname,
        port: target.port,
        method: request.method,
        path: request.url,
        headers: request.headers,
      },
      (answer) => relay(answer, response, fault, cut),
    );
    upstream.on('error', cut);
    response.on('close', () => upstream.destroy());
    return request.pipe(upstream);
  };
  if (fault?.kind === 'delay') setTimeout(forward, fault.ms);
  else forward();
}

function relay(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: ProxyFault | undefined,
  cut: () => void,
): void {
  if (fault?.kind === 'swallow') {
    answer.resume();
    answer.on('end', cut);
    return;
  }
  response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  if (fault?.kind !== 'cut') return void answer.pipe(response);
  let left = fault.afterBytes;
  response.flushHeaders();
  answer.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    response.write(part, () => left <= 0 && cut());
  });
  answer.on('end', () => response.end());
}

function answerTcp(client: Socket, target: { host: string; port: number }, state: State): void {
  const first = take(state);
  client.on('error', () => undefined);
  if (first?.kind === 'reset' || first?.kind === 'refuse') return void client.resetAndDestroy();
  const server = connect(target);
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  let sent = 0;
  const carry = (from: Socket, to: Socket, answer: boolean) =>
    from.on('data', (chunk: Buffer) => {
      // Looked up anew for each chunk, so that a fault also hits connections that were open before.
      const fault = first ?? (state.left > 0 ? state.fault : undefined);
      if (fault?.kind === 'blackhole') return;
      if (fault?.kind === 'reset') {
        client.resetAndDestroy();
        return;
      }
      if (fault?.kind === 'swallow' && answer) {
        client.destroy();
        return;
      }
      if (fault?.kind === 'delay') {
        setTimeout(() => to.write(chunk), fault.ms);
        return;
      }
      if (fault?.kind !== 'cut' || !answer) {
        to.write(chunk);
        return;
      }
      const part = chunk.subarray(0, Math.max(0, fault.afterBytes - sent));
      sent += part.length;
      to.write(part, () => sent >= fault.afterBytes && client.destroy());
    });
  carry(client, server, false);
  carry(server, client, true);
}

function listen(server: Server | HttpServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/**
 * Starts a proxy in front of a server. `http:` targets are understood request by request, anything else (`postgres:`) is
 * carried as bytes.
 */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const to = new URL(target);
  const state: State = { fault: undefined, match: () => true, left: 0, arrived: 0, faulted: 0, requests: [] };
  const sockets = new Set<Socket>();
  const server: Server | HttpServer =
    to.protocol === 'http:'
      ? createHttpServer((request, response) => answerHttp(request, response, to, state))
      : createServer((socket) =>
          answerTcp(socket, { host: to.hostname, port: Number(to.port || 5432) }, state),
        );
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listen(server, 0);

  const close = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const fail = async (fault: ProxyFault | undefined, match: State['match'] = () => true) => {
    state.fault = fault;
    state.match = match;
    state.left =
      fault !== undefined && 'times' in fault
        ? (fault.times ?? Infinity)
        : fault === undefined
          ? 0
          : Infinity;
    if (fault?.kind === 'refuse') await close();
    else if (!server.listening) await listen(server, port);
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get arrived() {
      return state.arrived;
    },
    get faulted() {
      return state.faulted;
    },
    requests: state.requests,
    fail,
    stop: close,
    [Symbol.asyncDispose]: close,
  };
}

/** The same URL through a proxy: only host and port change. */
export function through(proxy: { readonly port: number }, url: string): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}
