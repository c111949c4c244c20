import { readdir } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { Hono } from 'hono';
import { type Catalog, openCatalog } from '../../../src/catalog/connect.ts';
import { migrateCatalog } from '../../../src/catalog/migrate.ts';
import { newStreamKey, streamKeyHash } from '../../../src/catalog/stream-key.ts';
import { createStream, lastSegments, streamOfRender } from '../../../src/catalog/streams.ts';
import { type Ingest, startIngest } from '../../../src/ingest/ingest.ts';
import { ingestRoutes } from '../../../src/ingest/routes.ts';
import { openSpool } from '../../../src/ingest/spool.ts';
import type { WrittenSegment } from '../../../src/ingest/write.ts';
import { errorBody, SegueError, statusOf } from '../../../src/ops/errors.ts';
import { type Listening, listen } from '../../../src/ops/listen.ts';
import { createLog } from '../../../src/ops/log.ts';
import { type DiskStore, openDiskStore } from '../../../src/store/disk.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';

/** What a node answered. */
export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** An upload of which a part was sent. */
export interface Begun {
  /** Sends the rest. */
  finish(): Promise<Answer>;
  /** Cuts the connection. */
  cut(): void;
}

/** A stream of the test's own, as its producer and its catalog see it. */
export interface OwnStream {
  readonly renderId: string;
  put(path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Answer>;
  /** Sends the first bytes of an upload, and waits until they are there. */
  begin(path: string, body: Uint8Array): Promise<Begun>;
  rows(rendition?: string): ReturnType<typeof lastSegments>;
  state(): Promise<string | undefined>;
}

/** A node's way of taking streams in, with a clock that stands still unless told and a database that obeys. */
export interface IngestNode extends AsyncDisposable {
  readonly catalog: Catalog;
  readonly ingest: Ingest;
  readonly disk: DiskStore;
  readonly written: readonly WrittenSegment[];
  stream(targetDuration?: number): Promise<OwnStream>;
  spooled(): Promise<number>;
  /** Lets so many milliseconds pass. */
  pass(ms: number): void;
  /** What is done to the database first throws or waits where this does. */
  onQuery: (text: string, values: readonly unknown[]) => void | Promise<void>;
  /** Stops and starts again with what is on the disk. */
  restart(): Promise<void>;
}

/** Starts one with a database of its own. */
export async function startIngestNode(): Promise<IngestNode> {
  const server = sharedPostgres();
  const databaseUrl = await server.createDatabase();
  await migrateCatalog(databaseUrl);
  const real = openCatalog(databaseUrl);
  const folder = await temporaryFolder();
  const spoolFolder = join(folder.path, 'spool');
  const log = createLog('test', 'silent');
  const written: WrittenSegment[] = [];
  const dialect = new PgDialect();
  let passed = 0;
  let made = 0;
  let disk: DiskStore;
  let ingest: Ingest;
  let listening: Listening;

  const execute = async (query: SQL): Promise<unknown> => {
    const { sql, params } = dialect.sqlToQuery(query);
    await node.onQuery(sql, params);
    return real.db.execute(query);
  };
  const db = new Proxy(real.db, {
    get: (target, name) => (name === 'execute' ? execute : (Reflect.get(target, name) as unknown)),
  });
  const start = async (): Promise<void> => {
    disk = await openDiskStore(join(folder.path, 'segments'));
    const spool = await openSpool(spoolFolder);
    const parts = { catalog: { ...real, db }, disk, spool, log, nodeId: 'a', leaseSeconds: 600 };
    ingest = startIngest({
      ...parts,
      now: () => passed,
      onWritten: (segment) => written.push(segment),
      onSkipped: () => undefined,
    });
    const app = new Hono();
    app.onError((error, c) =>
      c.json(errorBody(error), error instanceof SegueError ? statusOf(error.code) : 500),
    );
    app.route('/', ingestRoutes(ingest, log));
    listening = await listen(app, '127.0.0.1', 0, { halfOpen: true });
  };
  const stop = async (): Promise<void> => {
    await ingest.stop();
    await listening.close(100);
  };
  const spooled = async (): Promise<number> => (await readdir(spoolFolder)).length;

  const ownStream = (renderId: string, key: string): OwnStream => {
    const url = (path: string): string => `${listening.url}/ingest/${key}/${path}`;
    return {
      renderId,
      async put(path, body) {
        const answer = await fetch(url(path), { method: 'PUT', body });
        return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
      },
      async begin(path, body) {
        const before = await spooled();
        const outgoing = request(url(path), { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } });
        outgoing.on('error', () => undefined);
        outgoing.write(body.subarray(0, 4));
        await until(async () => (await spooled()) > before, { what: `the upload of ${path} has begun` });
        return {
          finish: () => {
            const answered = answerOf(outgoing);
            outgoing.end(body.subarray(4));
            return answered;
          },
          cut: () => outgoing.destroy(),
        };
      },
      rows: (rendition = 'r0') => lastSegments(real.db, renderId, rendition, 1000),
      state: async () => (await streamOfRender(real.db, renderId))?.state,
    };
  };

  await start();
  const node: IngestNode = {
    catalog: real,
    get ingest() {
      return ingest;
    },
    get disk() {
      return disk;
    },
    written,
    async stream(targetDuration) {
      made += 1;
      const key = newStreamKey();
      const renderId = `r${made}`;
      await createStream(real.db, {
        videoId: `v${made}`,
        renderId,
        name: '',
        keyHash: await streamKeyHash(key),
        windowSeconds: null,
        targetDuration: targetDuration ?? null,
      });
      return ownStream(renderId, key);
    },
    spooled,
    pass: (ms) => {
      passed += ms;
    },
    onQuery: () => undefined,
    async restart() {
      await stop();
      await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await real.close();
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
  return node;
}

async function answerOf(outgoing: ClientRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  outgoing.once('error', reject);
  outgoing.once('response', (response) => {
    response.setEncoding('utf8');
    let text = '';
    response.on('data', (chunk: string) => (text += chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
    );
  });
  return promise;
}

/** Bytes that look like MPEG-TS, other ones for each `content`. */
export function ts(content: number, packets = 3): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(188 * packets).fill(content, 4);
  for (let at = 0; at < bytes.byteLength; at += 188) bytes[at] = 0x47;
  return bytes;
}

/** A media playlist of segments of two seconds. `lines`: names, or lines. */
export const list = (lines: readonly string[], isEnded = false, target = 2): string =>
  [
    '#EXTM3U',
    `#EXT-X-TARGETDURATION:${target}`,
    ...lines.flatMap((line) => (line.startsWith('#') ? [line] : ['#EXTINF:2,', line])),
    ...(isEnded ? ['#EXT-X-ENDLIST'] : []),
  ].join('\n');
