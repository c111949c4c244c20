import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLease } from '../../../src/catalog/leases.ts';
import { admitSegments, writeRendition } from '../../../src/catalog/streams.ts';
import type { Delivery } from '../../../src/ingest/agent/deliver.ts';
import { watchFolder } from '../../../src/ingest/agent/folder.ts';
import { followFolder } from '../../../src/ingest/agent/follow.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type IngestNode, list, type OwnStream, startIngestNode, ts } from './node-kit.ts';

/** More than a node remembers by name. */
const many = 4200;

/** Deliveries to a stream's node, and what was sent. */
function deliveryTo(stream: OwnStream): Delivery & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    async put({ path }, open) {
      const body = await open();
      if (body === undefined) return undefined;
      sent.push(path);
      const answer = await stream.put(path, new Uint8Array(await body.arrayBuffer()));
      if (answer.status > 201) throw new Error(JSON.stringify(answer.body));
      return answer.body as { admitted: number; missing: string[] };
    },
  };
}

/** Segments that an earlier process listed. */
async function listedBefore(
  { catalog: { db } }: IngestNode,
  { renderId }: OwnStream,
  path: string,
  names: readonly string[],
): Promise<void> {
  const acquired = await acquireLease(db, renderId, 'a', 600);
  if (!acquired.ours) throw new Error('the lease is held');
  const rendition = path.replace('v', 'r');
  await writeRendition(db, renderId, acquired.lease, {
    name: rendition,
    position: 0,
    kind: 'video',
    container: 'mpegts',
    attributes: { source: `${path}/out.m3u8`, role: 'variant' },
  });
  const rows = names.map((name, n) => ({
    n,
    durationUs: 2_000_000,
    discontinuity: false,
    init: null,
    key: null,
    programDateTime: null,
    bytes: 564,
    source: { sequence: n, uri: `${path}/${name}`, crc32: n },
  }));
  if (!(await admitSegments(db, renderId, rendition, acquired.lease, rows))) throw new Error('fenced');
}

test('a folder with a list of more segments than a node remembers: gone on with, and nothing is sent twice', async () => {
  await using node = await startIngestNode();
  await using root = await temporaryFolder();
  await using folder = watchFolder(root.path, () => undefined);
  const stream = await node.stream();
  const { signal } = new AbortController();
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}.ts`);
  const write = async (count: number, from: number, isEnded = false): Promise<void> => {
    for (const rendition of ['v0', 'v1']) {
      // The second one began late: its list is short.
      const all = rendition === 'v0' ? names(count) : names(count).slice(many - 10);
      await mkdir(join(root.path, rendition), { recursive: true });
      for (const name of all.filter((each) => Number.parseInt(each, 10) >= from))
        await writeFile(join(root.path, rendition, name), ts(Number.parseInt(name, 10) % 256));
      await writeFile(join(root.path, rendition, 'out.m3u8'), list(all, isEnded));
    }
  };
  await listedBefore(node, stream, 'v0', names(many));
  await listedBefore(node, stream, 'v1', names(many).slice(-10));
  // The source has deleted what it does not need any more.
  await write(many, many - 100);
  const delivery = deliveryTo(stream);
  const next = followFolder(folder, delivery);
  const lists = ['v0/out.m3u8', 'v1/out.m3u8'];
  await next.step(signal);
  expect(delivery.sent).toEqual(lists);
  for (const count of [many + 1, many + 2]) {
    delivery.sent.length = 0;
    await write(count, count - 1, count === many + 2);
    await next.step(signal);
    const name = `${count - 1}.ts`;
    expect(delivery.sent).toEqual([`v0/${name}`, 'v0/out.m3u8', `v1/${name}`, 'v1/out.m3u8']);
  }
  expect([next.done, next.failed]).toEqual([true, false]);
  expect((await stream.rows('r0')).at(-1)).toMatchObject({ n: many + 1, discontinuity: false });
});
