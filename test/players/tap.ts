import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One answer that went through a {@link Tap}. */
export interface Answer {
  readonly path: string;
  /** 0: the connection was refused or cut. */
  readonly status: number;
  /** `x-segue-source`: `bucket`, `held` or the name of a node. */
  readonly source: string | undefined;
  /** When its head came, in milliseconds since 1970. */
  readonly when: number;
  /** When its last byte came; undefined before that, and where it was cut. */
  readonly wholeAt: number | undefined;
}

const segment = /^\/v\/[^/]+\/[^/]+\/\d+\.m4s/;

/** Whether an answer gave a segment, or the place where it is. */
export const isSegment = ({ path, status }: Answer): boolean =>
  segment.test(path) && status > 0 && status < 400;

/** A transparent HTTP proxy that writes down what passes, and can hold requests back. */
export interface Tap extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly answers: readonly Answer[];
  /** Requests that the client ended before their last byte, with the seconds that they had taken: `/v/…/5.m4s 31.2 s`. */
  readonly givenUp: readonly string[];
  /** Holds every GET back until {@link Tap.release}. A HEAD passes: whoever looks whether the server is there finds it. */
  hold(): void;
  release(): void;
}

/** Starts a tap in front of a server. What the server refuses or cuts, it cuts. */
export async function startTap(target: string): Promise<Tap> {
  const { hostname, port } = new URL(target);
  const answers: Answer[] = [];
  const givenUp: string[] = [];
  let gate: PromiseWithResolvers<void> | undefined;

  const forward = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '/';
    const began = performance.now();
    const cut = () => {
      if (response.writableEnded) return;
      answers.push({ path, status: 0, source: undefined, when: Date.now(), wholeAt: undefined });
      request.socket.destroy();
    };
    const upstream = httpRequest(
      // A connection for each request: one that is kept may have been closed meanwhile, which no player asked for.
      { hostname, port, path, agent: false, method: request.method, headers: request.headers },
      (answer) => {
        const source = answer.headers['x-segue-source'];
        const told = {
          path,
          status: answer.statusCode ?? 0,
          source: typeof source === 'string' ? source : undefined,
          when: Date.now(),
          wholeAt: undefined as number | undefined,
        };
        answers.push(told);
        answer.once('end', () => {
          told.wholeAt = Date.now();
        });
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        // Held answers have a head long before they have a body.
        response.flushHeaders();
        answer.on('error', cut);
        answer.pipe(response);
      },
    );
    upstream.on('error', cut);
    response.on('close', () => {
      if (!response.writableEnded && !upstream.destroyed)
        givenUp.push(`${path} ${((performance.now() - began) / 1000).toFixed(1)} s`);
      upstream.destroy();
    });
    request.pipe(upstream);
  };
  const server = createServer((request, response) => {
    if (gate === undefined || request.method !== 'GET') return forward(request, response);
    void gate.promise.then(() => forward(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    givenUp,
    hold() {
      gate ??= Promise.withResolvers();
    },
    release() {
      gate?.resolve();
      gate = undefined;
    },
    async [Symbol.asyncDispose]() {
      gate?.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
