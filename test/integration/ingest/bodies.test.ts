import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { streamOfRender } from '../../../src/catalog/streams.ts';
import { mostBodies } from '../../../src/ingest/limits.ts';
import { until } from '../../support/wait.ts';
import { type IngestNode, list, startIngestNode, ts } from './node-kit.ts';

let node: IngestNode;
beforeAll(async () => {
  node = await startIngestNode();
});
afterAll(() => node[Symbol.asyncDispose]());
beforeEach(() => {
  node.onQuery = () => undefined;
});

describe('an upload that takes long', () => {
  test('keeps its stream open', async () => {
    const [stream, witness] = [await node.stream(), await node.stream()];
    await stream.put('out.m3u8', list(['a.ts']));
    await witness.put('a.ts', ts(1));
    const slow = await stream.begin('a.ts', ts(1));
    node.pass(12_000);
    const isLeft = async () => (await leaseOf(node.catalog.db, witness.renderId)) === undefined;
    await until(isLeft, { what: 'a silent stream is let go of' });
    expect(await slow.finish()).toEqual({ status: 201, body: { admitted: 1, missing: [] } });
    expect(await stream.rows()).toHaveLength(1);
  });

  test('is refused so that it is sent again, and leaves nothing, where the node lets go meanwhile', async () => {
    const stream = await node.stream();
    await stream.put('out.m3u8', list(['a.ts']));
    const slow = await stream.begin('a.ts', ts(1));
    const lease = await leaseOf(node.catalog.db, stream.renderId);
    node.ingest.fenced(lease === undefined ? [] : [lease]);
    const left = (await node.spooled()) - 1;
    expect(await slow.finish()).toMatchObject({ status: 409, body: { error: { code: 'fenced' } } });
    expect(await node.spooled()).toBe(left);
  });

  test('is waited for longer than what is not under way', async () => {
    const stream = await node.stream();
    for (const name of ['a.ts', 'c.ts']) await stream.put(name, ts(1));
    const slow = await stream.begin('b.ts', ts(2));
    await stream.put('out.m3u8', list(['a.ts', 'b.ts', 'c.ts']));
    const other = await node.stream();
    for (const name of ['a.ts', 'c.ts']) await other.put(name, ts(1));
    await other.put('out.m3u8', list(['a.ts', 'b.ts', 'c.ts']));
    node.pass(12_000);
    await until(async () => (await other.rows()).length === 2, { what: 'the other one has given up' });
    expect(await stream.rows()).toHaveLength(1);
    expect(await slow.finish()).toMatchObject({ body: { admitted: 2 } });
  });
});

describe('a key that is rotated under its name', () => {
  const begun = async () => {
    const stream = await node.stream();
    await stream.put('k.key', 'the first key...');
    const lines = [`#EXT-X-KEY:METHOD=AES-128,URI="k.key",IV=0x${'0'.repeat(32)}`, '0.ts'];
    for (const name of ['0.ts', '1.ts']) await stream.put(name, ts(1));
    await stream.put('out.m3u8', list(lines));
    const slow = await stream.begin('k.key', Buffer.from('the second key..'));
    const answer = await stream.put('out.m3u8', list([...lines, '1.ts']));
    expect(answer.body).toEqual({ admitted: 0, missing: ['k.key'] });
    const keys = async () => (await stream.rows()).map(({ key }) => key?.file);
    return { slow, keys };
  };

  test('and overtaken by the list that needs it is waited for', async () => {
    const { slow, keys } = await begun();
    expect(await slow.finish()).toMatchObject({ body: { admitted: 1 } });
    expect(await keys()).toEqual(['key-0.key', 'key-1.key']);
  });

  test('and cut off is no longer waited for', async () => {
    const { slow, keys } = await begun();
    slow.cut();
    await until(async () => (await keys()).length === 2, { what: 'the segment is listed' });
    expect(await keys()).toEqual(['key-0.key', 'key-0.key']);
  });
});

describe('one stream', () => {
  test('can have so many uploads under way', async () => {
    const stream = await node.stream();
    await stream.put('x.ts', ts(1));
    const before = await node.spooled();
    const begun = await Promise.all(
      Array.from({ length: mostBodies }, (_, n) => stream.begin(`${n}.ts`, ts(1))),
    );
    // Whoever else comes now would take the place of one of them.
    await until(async () => (await node.spooled()) === before + mostBodies, { what: 'all are under way' });
    const other = await node.stream();
    expect(await other.put('a.ts', ts(1)), 'another stream').toMatchObject({ status: 201 });
    await until(async () => (await stream.put('y.ts', ts(1))).status === 429, { what: 'it is refused' });
    for (const each of begun) each.cut();
    // With the other stream's.
    await until(async () => (await node.spooled()) === before + 1, { what: 'nothing is left of them' });
    await until(async () => (await stream.put('y.ts', ts(1))).status === 201, { what: 'it is taken in' });
  });

  test('cannot fill the disk with ranges of one upload', async () => {
    const stream = await node.stream();
    const packets = 50;
    await stream.put('all.ts', ts(1, packets));
    const before = [node.disk.bytes, await node.spooled()] as const;
    const ranges = Array.from({ length: 40 }, (_, n) => `#EXT-X-BYTERANGE:${188 * (packets - n)}@0`);
    const text = (first: readonly string[]) =>
      [
        '#EXTM3U',
        '#EXT-X-TARGETDURATION:2',
        ...first,
        ...ranges.flatMap((range) => ['#EXTINF:2,', range, 'all.ts']),
      ].join('\n');
    await stream.put('out.m3u8', text(['#EXTINF:2,', 'not-there.ts']));
    expect(await node.spooled(), 'what is listed takes no room').toBe(before[1]);
    expect(await stream.put('out.m3u8', text([]))).toMatchObject({
      status: 422,
      body: { error: { code: 'invalid_playlist' } },
    });
    expect(node.disk.bytes - before[0]).toBeLessThanOrEqual(4 * 188 * packets);
  });

  test('whose database does not answer holds up neither the others nor the end of the node', async () => {
    const [stuck, other] = [await node.stream(), await node.stream()];
    const never = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    for (const stream of [stuck, other]) {
      for (const name of ['a.ts', 'c.ts']) await stream.put(name, ts(1));
      await stream.put('out.m3u8', list(['a.ts', 'b.ts', 'c.ts']));
    }
    node.onQuery = (text, values) => {
      if (!text.includes('INSERT INTO foreign_segments') || !values.includes(stuck.renderId)) return;
      asked.resolve();
      return never.promise;
    };
    node.pass(11_000);
    await asked.promise;
    await until(async () => (await other.rows()).length === 2, { what: 'the other stream goes on' });
    await node.restart();
    // A node that stops waits for its streams for three seconds, also for one that is slow only.
    await until(async () => (await leaseOf(node.catalog.db, other.renderId)) === undefined, {
      what: 'the other stream is let go of',
    });
    never.resolve();
  });
});

describe('the target duration', () => {
  test('is that of the first three segments, and what is longer later is counted', async () => {
    const stream = await node.stream();
    const lines: string[] = [];
    const target = async () => (await streamOfRender(node.catalog.db, stream.renderId))?.targetDuration;
    for (const [n, seconds] of [2, 2, 5, 9].entries()) {
      await stream.put(`${n}.ts`, ts(n));
      lines.push(`#EXTINF:${seconds},`, `${n}.ts`);
      await stream.put('out.m3u8', ['#EXTM3U', '#EXT-X-TARGETDURATION:2', ...lines].join('\n'));
      expect([await stream.state(), await target()]).toEqual(n < 2 ? ['waiting', null] : ['live', 5]);
    }
    const own = node.written.filter(({ renderId }) => renderId === stream.renderId);
    expect(own.map(({ isOverlong }) => isOverlong)).toEqual([false, false, false, true]);
  });

  test('of a stream whose other renditions stay behind is fixed with six segments', async () => {
    const stream = await node.stream();
    const lines = ['#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=9', 'a.m3u8', '#EXT-X-STREAM-INF:BANDWIDTH=8'];
    await stream.put('index.m3u8', [...lines, 'b.m3u8'].join('\n'));
    const names = Array.from({ length: 6 }, (_, n) => `${n}.ts`);
    for (const name of names) await stream.put(name, ts(1));
    await stream.put('a.m3u8', list(names.slice(0, 5)));
    expect(await stream.state()).toBe('waiting');
    await stream.put('a.m3u8', list(names));
    expect(await stream.state()).toBe('live');
  });
});
