import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attempt, FormatError } from '../../../src/verify/segment/facts.ts';
import { readFmp4 } from '../../../src/verify/segment/fmp4.ts';
import { type Init, readInit } from '../../../src/verify/segment/init.ts';
import { readPacked } from '../../../src/verify/segment/packed.ts';
import { containerOf } from '../../../src/verify/segment/sniff.ts';
import { readTs } from '../../../src/verify/segment/ts.ts';
import { readVtt } from '../../../src/verify/segment/webvtt.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { initSegment, mediaSegment } from './boxes-fixture.ts';
import { at, edit, goodStream, serveFiles } from './stream-fixture.ts';

const init = attempt(() => readInit(initSegment('video')));
const tracks: Init = init instanceof FormatError ? [] : init;
const good = mediaSegment('video', 0, 25);

/** Bytes that begin well and then are anything: a good file with some bytes changed, or packets of noise. */
const damaged = (whole: Uint8Array): fc.Arbitrary<Buffer> =>
  fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 })
    .map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [index, value] of changes) bytes[index] = value;
      return bytes;
    });
const packets = fc
  .array(fc.uint8Array({ minLength: 187, maxLength: 187 }), { minLength: 1, maxLength: 6 })
  .map((list) => Buffer.concat(list.flatMap((bytes) => [Buffer.from([0x47]), bytes])));

/** Either facts or a FormatError: nothing else may come out. */
const expectBounded = (read: () => unknown): void => {
  const result = attempt(read);
  expect(result === undefined).toBe(false);
};

describe('segments that are garbage', () => {
  it('end in a FormatError, or in facts', () => {
    fc.assert(
      fc.property(
        damaged(good),
        damaged(initSegment('video')),
        packets,
        fc.uint8Array({ maxLength: 400 }),
        (mp4, head, ts, any) => {
          expectBounded(() => readFmp4(mp4, tracks));
          expectBounded(() => readInit(head));
          expectBounded(() => readTs(ts));
          for (const bytes of [mp4, head, ts, any]) {
            expectBounded(() => readFmp4(bytes, tracks, true));
            expectBounded(() => readPacked(bytes));
            expectBounded(() => readVtt(bytes));
            containerOf(bytes);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('do not count what is not there: four billion samples in a few bytes', () => {
    const bytes = Buffer.from(good);
    const trun = bytes.indexOf('trun');
    bytes.writeUInt32BE(0xffff_ffff, trun + 8);
    expect(attempt(() => readFmp4(bytes, tracks))).toBeInstanceOf(FormatError);
    // Without a field of their own, samples take no bytes at all.
    bytes.writeUInt32BE(0x1, trun + 4);
    const facts = attempt(() => readFmp4(bytes, tracks));
    expect(facts instanceof FormatError ? 0 : facts.tracks[0]?.samples).toBe(0xffff_ffff);
  });

  it('do not stop the rest of a stream from being checked', async () => {
    const files = goodStream();
    const noise = Buffer.alloc(5000, 'noise');
    at(files, '/720p/2.m4s').body = noise;
    at(files, '/audio/init.mp4').body = noise;
    await using server = await serveFiles(files);
    const report = await verifyStream(`${server.url}/index.m3u8`, {}, AbortSignal.timeout(20_000));
    expect(report.findings.map(({ check, where }) => [check, where])).toEqual(
      expect.arrayContaining([
        ['box.structure', '720p #2'],
        ['box.init', 'audio init'],
      ]),
    );
    expect(report.renditions.map(({ fetched }) => fetched)).toEqual([8, 8]);
  });

  it('are fetched up to a bound', async () => {
    const files = goodStream();
    const lines = Array.from({ length: 5000 }, (_, n) => `#EXTINF:1.000000,\n${n % 8}.m4s\n`).join('');
    edit(files, '/720p/media.m3u8', /(#EXTINF:.*\n.*\n)+/, lines);
    await using server = await serveFiles(files);
    const url = `${server.url}/720p/media.m3u8`;
    const report = await verifyStream(url, { maxSegments: 20 }, AbortSignal.timeout(20_000));
    expect(report.sampled).toBe(true);
    expect(report.renditions.map(({ listed, fetched }) => [listed, fetched])).toEqual([[5000, 20]]);
    // A loop of eight files: each turn begins anew, and nothing says so.
    expect(report.findings.map(({ check }) => check)).toContain('time.tfdt');
  });
});
