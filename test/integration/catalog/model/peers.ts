import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A segment that one node asks another for: the id of the one that is asked, and the segment. */
export interface Asked {
  readonly nodeId: string;
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
}

/** Where nodes reach each other. */
export interface Peers extends AsyncDisposable {
  /** Address of a node. */
  urlOf(nodeId: string): string;
  /** Answers from now on by this: the segment, nothing, or `gone` where no such process listens. */
  answer(give: (asked: Asked) => Promise<Given>): void;
}

/** What a node gives. */
export type Given = { readonly data: Uint8Array; readonly crc32: number } | 'absent' | 'gone';

/** Starts the one server that speaks for all nodes, as `node/app` does where a segment is asked for. */
export async function startPeers(): Promise<Peers> {
  let give: (asked: Asked) => Promise<Given> = () => Promise.resolve('gone');
  const respond = async (path: string, response: ServerResponse): Promise<void> => {
    const [, nodeId = '', renderId = '', rendition = '', n] =
      /^\/([^/]+)\/s\/([^/]+)\/([^/]+)\/(\d+)\./.exec(path) ?? [];
    const given = n === undefined ? 'absent' : await give({ nodeId, renderId, rendition, n: Number(n) });
    if (given === 'gone') return void response.socket?.resetAndDestroy();
    if (given === 'absent') return void response.writeHead(404).end();
    response.writeHead(200, {
      'content-length': given.data.byteLength,
      'x-segue-crc32': given.crc32.toString(16).padStart(8, '0'),
    });
    response.end(given.data);
  };
  const server = createServer((request, response) => {
    respond(request.url ?? '', response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (nodeId) => `http://127.0.0.1:${port}/${nodeId}`,
    answer: (next) => {
      give = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
