import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What goes wrong on the way of bytes. */
export type TcpFault =
  /** Nothing listens, and what was open is reset. */
  | { readonly kind: 'refuse' }
  /** What is open is reset; new connections work. */
  | { readonly kind: 'reset' }
  /** A black hole: connections are accepted, nothing passes. Once it is over everything does, late: as TCP sends again what was not confirmed. */
  | { readonly kind: 'hold' }
  /** All bytes come later, in milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number };

/** A TCP proxy that can be told to fail. Bytes keep their order, and none is ever lost without its connection. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Fails from now on; `undefined` works again. */
  fail(fault: TcpFault | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** One direction of a connection: a queue with the moment of each piece. The end is a piece, too. */
class Lane {
  readonly #to: Socket;
  readonly #queue: { readonly at: number; readonly piece: Buffer | 'end' }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;
  #fault: TcpFault | undefined;

  constructor(to: Socket, fault: TcpFault | undefined) {
    this.#to = to;
    this.#fault = fault;
  }

  push(piece: Buffer | 'end'): void {
    if (this.#isEnded) return;
    this.#isEnded = piece === 'end';
    const ms = this.#fault?.kind === 'delay' ? this.#fault.ms : 0;
    this.#queue.push({ at: performance.now() + ms, piece });
    this.#pass();
  }

  fail(fault: TcpFault | undefined): void {
    this.#fault = fault;
    this.#pass();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    if (this.#fault?.kind === 'hold') return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const left = next.at - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.#pass(), left);
        return;
      }
      this.#queue.shift();
      if (next.piece === 'end') this.#to.end();
      else if (this.#to.writable) this.#to.write(next.piece);
    }
  }
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly lanes: readonly Lane[];
}

function link(client: Socket, target: { host: string; port: number }, fault: TcpFault | undefined): Link {
  const server = connect({ ...target, allowHalfOpen: true });
  const [up, down] = [new Lane(server, fault), new Lane(client, fault)];
  for (const [from, lane] of [
    [client, up],
    [server, down],
  ] as const) {
    from.setNoDelay(true);
    from.on('data', (piece: Buffer) => lane.push(piece));
    from.on('end', () => lane.push('end'));
    from.on('close', () => lane.push('end'));
  }
  server.on('error', () => client.resetAndDestroy());
  client.on('error', () => undefined);
  return { client, server, lanes: [up, down] };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Starts a proxy in front of whatever listens at the host and port of a URL. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const to = new URL(target);
  const links = new Set<Link>();
  let fault: TcpFault | undefined;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const made = link(client, { host: to.hostname, port: Number(to.port) }, fault);
    links.add(made);
    client.on('close', () => links.delete(made));
  });
  const port = await listen(server, 0);

  const cut = (): void => {
    for (const { client, server: upstream } of links) {
      client.resetAndDestroy();
      upstream.destroy();
    }
    links.clear();
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return cut();
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    await closed;
  };
  return {
    port,
    async fail(next) {
      fault = next;
      if (next?.kind === 'refuse') return close();
      if (next?.kind === 'reset') cut();
      if (!server.listening) await listen(server, port);
      for (const { lanes } of links) for (const lane of lanes) lane.fail(next);
    },
    stop: close,
    [Symbol.asyncDispose]: close,
  };
}
