import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acquireLease, leaseOf, releaseLeases } from '../../../src/catalog/leases.ts';
import {
  createStream,
  endRendition,
  foreignRenditions,
  goLive,
  streamOfRender,
  writeRendition,
} from '../../../src/catalog/streams.ts';
import { until } from '../../support/wait.ts';
import { type IngestNode, list, type OwnStream, startIngestNode, ts } from './node-kit.ts';

let node: IngestNode;
beforeAll(async () => {
  node = await startIngestNode();
});
afterAll(() => node[Symbol.asyncDispose]());
beforeEach(() => {
  node.onQuery = () => undefined;
});

const untilState = (stream: OwnStream, state: string) =>
  until(async () => (await stream.state()) === state, { what: `the stream is ${state}` });
const isHeld = async ({ renderId }: OwnStream) => (await leaseOf(node.catalog.db, renderId)) !== undefined;
/** Streams are let go of side by side: none is before another. */
const untilLetGo = (stream: OwnStream) =>
  until(async () => !(await isHeld(stream)), { what: 'the stream is let go of' });
const putAll = async (stream: OwnStream, ...names: readonly string[]): Promise<void> => {
  for (const [index, name] of names.entries()) await stream.put(name, ts(index));
};
/** Lets time pass, and waits until the node has looked at all its streams after that. */
const passAndLook = async (ms: number): Promise<void> => {
  const witness = await node.stream();
  await witness.put('a.ts', ts(1));
  node.pass(ms);
  await untilLetGo(witness);
};
const master = (...paths: readonly string[]): string =>
  ['#EXTM3U', ...paths.flatMap((path) => ['#EXT-X-STREAM-INF:BANDWIDTH=900', path])].join('\n');

describe('a silent producer', () => {
  test('whose last list names a segment that never came: the rest is listed, and the stream ends', async () => {
    const stream = await node.stream();
    await putAll(stream, 'a.ts', 'c.ts');
    const last = list(['a.ts', 'b.ts', 'c.ts'], true, 6);
    expect((await stream.put('out.m3u8', last)).body).toEqual({ admitted: 1, missing: ['b.ts'] });
    await passAndLook(12_000);
    expect(await isHeld(stream), 'it waits for b.ts').toBe(true);
    node.pass(20_000);
    await untilState(stream, 'ended');
    expect((await stream.rows()).map(({ source }) => source.uri)).toEqual(['a.ts', 'c.ts']);
    node.pass(11_000);
    await untilLetGo(stream);
  });

  test('that waits for nothing that others have overtaken is let go of', async () => {
    const stream = await node.stream();
    await putAll(stream, 'a.ts');
    await stream.put('out.m3u8', list(['a.ts', 'b.ts']));
    node.pass(11_000);
    await untilLetGo(stream);
  });

  test('whose rendition has a segment of another container ends without it', async () => {
    const stream = await node.stream();
    await putAll(stream, 'a.ts');
    await stream.put('b.ts', 'WEBVTT\n\n');
    expect(await stream.put('out.m3u8', list(['a.ts', 'b.ts'], true))).toMatchObject({ status: 422 });
    node.pass(31_000);
    await untilState(stream, 'ended');
    expect(await stream.rows()).toHaveLength(1);
  });
});

describe('a database that fails at the end', () => {
  test.each([
    ['the end of the stream', /UPDATE streams SET state = \$\d/],
    ['the end of a rendition', /UPDATE renditions SET ended/],
    ['the last segment', /INSERT INTO foreign_segments/],
  ])('at %s is asked again', async (_, query) => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master('a.m3u8', 'b.m3u8'));
    await putAll(stream, 'a0.ts', 'b0.ts', 'b1.ts');
    await stream.put('b.m3u8', list(['b0.ts']));
    let failures = 0;
    node.onQuery = (text, values) => {
      if (!query.test(text) || !values.includes(stream.renderId)) return;
      if (values.includes('r1') && !values.includes('r0')) return;
      failures += 1;
      throw new Error('the database is away');
    };
    await stream.put('a.m3u8', list(['a0.ts'], true));
    // An upload with nothing to do does not make it forget what is owed to the other rendition.
    await stream.put('b2.ts', ts(9));
    await stream.put('b.m3u8', list(['b0.ts', 'b1.ts'], true));
    await until(() => failures > 1, { what: 'it has failed again' });
    expect(await stream.state()).not.toBe('ended');
    node.onQuery = () => undefined;
    await untilState(stream, 'ended');
    expect(await stream.rows('r0')).toHaveLength(1);
    expect(await stream.rows('r1')).toHaveLength(2);
  });

  test('what one rendition cannot does not hold up the next', async () => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master('a.m3u8', 'b.m3u8'));
    await putAll(stream, 'a0.ts', 'b0.ts', 'b2.ts');
    await stream.put('a.m3u8', list(['a0.ts', 'a1.ts']));
    await stream.put('b.m3u8', list(['b0.ts', 'b1.ts', 'b2.ts']));
    await stream.put('a1.ts', 'WEBVTT\n\nof another container');
    node.pass(11_000);
    await until(async () => (await stream.rows('r1')).length === 2, { what: 'b2.ts is listed' });
  });
});

describe('what would hold up the end', () => {
  test('a rendition whose list ends without a segment', async () => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master('a.m3u8', 's.m3u8'));
    await putAll(stream, 'a0.ts');
    await stream.put('s.m3u8', list([], true));
    await stream.put('a.m3u8', list(['a0.ts'], true));
    expect(await stream.state()).toBe('ended');
  });

  test('a rendition that is announced and never comes, for half a minute', async () => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master('a.m3u8', 's.m3u8'));
    await putAll(stream, 'a0.ts');
    await stream.put('a.m3u8', list(['a0.ts'], true));
    await passAndLook(12_000);
    expect([await stream.state(), await isHeld(stream)]).toEqual(['waiting', true]);
    node.pass(19_000);
    await untilState(stream, 'ended');
    expect((await streamOfRender(node.catalog.db, stream.renderId))?.targetDuration).toBe(2);
  });

  test('nothing but empty lists: the stream has failed, and says why', async () => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master('a.m3u8'));
    await stream.put('a.m3u8', list([], true));
    expect(await streamOfRender(node.catalog.db, stream.renderId)).toMatchObject({
      state: 'failed',
      failure: 'its source ended it without a segment',
    });
  });
});

test('a node that is stopped works off the last list before it gives the lease back', async () => {
  const stream = await node.stream();
  await stream.put('index.m3u8', master('a.m3u8'));
  await putAll(stream, 'a0.ts', 'a1.ts');
  const working = Promise.withResolvers<void>();
  const stopping = Promise.withResolvers<void>();
  node.onQuery = (text) => {
    if (!text.includes('INSERT INTO foreign_segments')) return;
    working.resolve();
    return stopping.promise;
  };
  const last = stream.put('a.m3u8', list(['a0.ts', 'a1.ts'], true));
  await working.promise;
  const restarted = node.restart();
  await until(async () => (await stream.put('x.ts', ts(1)).catch(() => undefined))?.status === 503, {
    what: 'the node is stopping',
  });
  stopping.resolve();
  expect(await last).toMatchObject({ status: 201, body: { admitted: 2 } });
  await restarted;
  expect(await stream.state()).toBe('ended');
  expect(await isHeld(stream)).toBe(false);
});

describe('a node that died between the end of the last rendition and that of the stream', () => {
  const left = async (videoId: string, isEnded: boolean, seconds: number): Promise<string> => {
    const { db } = node.catalog;
    const renderId = `of-${videoId}`;
    const ids = { videoId, renderId, name: '', keyHash: videoId };
    await createStream(db, { ...ids, windowSeconds: null, targetDuration: null });
    const acquired = await acquireLease(db, renderId, 'dead', 60);
    if (!acquired.ours) throw new Error('not ours');
    const { lease } = acquired;
    const attributes = { source: 'out.m3u8', role: 'variant' } as const;
    const packing = { kind: 'video', container: 'mpegts' } as const;
    await writeRendition(db, renderId, lease, { name: 'r0', position: 0, ...packing, attributes });
    await goLive(db, renderId, lease, 2);
    if (isEnded) await endRendition(db, renderId, 'r0', lease);
    await releaseLeases(db, [lease]);
    await db.execute(sql`
      UPDATE leases SET expires_at = now() + make_interval(secs => ${seconds}) WHERE render_id = ${renderId}`);
    return renderId;
  };

  test('another one ends the stream, and only such a stream', async () => {
    const { db } = node.catalog;
    const running = await left('running', false, -60);
    const held = await left('held', true, 60);
    const fresh = await left('fresh', true, -1);
    const dead = await left('dead', true, -60);
    node.pass(11_000);
    const stateOf = async (renderId: string) => (await streamOfRender(db, renderId))?.state;
    await until(async () => (await stateOf(dead)) === 'ended', { what: 'it has ended' });
    expect(await Promise.all([running, held, fresh].map(stateOf))).toEqual(['live', 'live', 'live']);
    expect(await foreignRenditions(db, dead)).toMatchObject([{ ended: true }]);
  });
});
