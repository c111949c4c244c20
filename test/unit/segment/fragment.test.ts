import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SegueError } from '../../../src/ops/errors.ts';
import { type EncodedTrack, FragmentReader } from '../../../src/segment/fragment.ts';
import { box, concat, fullBox, text, u32 } from '../../../src/segment/writer.ts';
import { audioConfig, audioStream, samples, videoConfig, videoStream } from './samples.ts';

const bounds = { maxBytes: 1 << 20, maxSamples: 1000 };

function read(bytes: Uint8Array, chunk = bytes.byteLength, limits = bounds): EncodedTrack {
  const reader = new FragmentReader(limits);
  for (let at = 0; at < bytes.byteLength; at += chunk) reader.push(bytes.subarray(at, at + chunk));
  return reader.finish();
}

describe('reading fragments', () => {
  test('what was written is read again, in chunks of any size', () => {
    const expected = samples(24);
    const whole = videoStream();
    for (const chunk of [1, 2, 7, 8, 15, 100, whole.byteLength]) {
      const { config, samples: found } = read(whole, chunk);
      expect(config).toEqual(videoConfig);
      expect(found).toEqual([...expected, ...expected]);
    }
    expect(read(audioStream(), 33).config).toEqual(audioConfig);
    expect(read(audioStream()).samples).toHaveLength(45);
  });

  test('sizes and flags may come from defaults, positions from a base offset', () => {
    const head = videoStream().subarray(0, 691);
    const data = new Uint8Array(30).fill(7);
    // Base data offset, default size 10, default flags "not sync"; three samples, the first with flags of its own.
    const moofSize = 8 + 8 + 32 + 24;
    const tfhd = fullBox('tfhd', 0, 0x31, u32(1, 0, head.byteLength, 10, 0x10000));
    const trun = fullBox('trun', 0, 0x5, u32(3, moofSize + 8, 0));
    const moof = box('moof', box('traf', tfhd, trun));
    expect(moof.byteLength).toBe(moofSize);
    const { samples: found } = read(concat([head, moof, box('mdat', data)]));
    expect(found.map(({ sync }) => sync)).toEqual([true, false, false]);
    expect(found.map(({ data: bytes }) => bytes.byteLength)).toEqual([10, 10, 10]);
  });

  test('bounds on bytes and samples hold, also for what a header only claims', () => {
    const whole = videoStream();
    expect(() => read(whole, 100, { ...bounds, maxBytes: whole.byteLength - 1 })).toThrow(SegueError);
    expect(() => read(whole, 100, { ...bounds, maxSamples: 47 })).toThrow(/more than/);
    const claim = concat([u32(0x7fffffff), text('mdat')]);
    expect(() => new FragmentReader(bounds).push(claim)).toThrow(/box "mdat" of 2147483647 bytes/);
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['no moov', box('ftyp', text('iso6'), u32(0))],
    ['a moof before the moov', box('moof', new Uint8Array(0))],
    ['an unknown box', box('abcd')],
    ['two tracks', box('moov', box('trak'), box('trak'))],
    ['a box shorter than its header', u32(4, 0x6d6f6f76)],
  ])('%s is refused', (_, bytes) => {
    expect(() => read(bytes)).toThrow(SegueError);
  });

  test('a stream that ends anywhere inside is refused, except between fragments', () => {
    const whole = videoStream();
    const ends = new Set([691, 691 + (whole.byteLength - 691) / 2, whole.byteLength]);
    for (let end = 0; end < whole.byteLength; end += 1) {
      const attempt = () => read(whole.subarray(0, end));
      // After the init, and after a `styp`, whole fragments have been read.
      const styp = [...ends].some((at) => end === at || end === at + 32);
      if (styp) expect(attempt().config.kind).toBe('video');
      else expect(attempt).toThrow(SegueError);
    }
  });
});

describe('hostile input never does anything but throw SegueError', () => {
  const survives = (bytes: Uint8Array, chunk: number) => {
    try {
      read(bytes, chunk);
    } catch (error) {
      expect(error).toBeInstanceOf(SegueError);
      expect((error as SegueError).code).toBe('render_failed');
    }
  };
  const chunk = fc.integer({ min: 16, max: 4096 });

  test('mutated bytes', () => {
    const streams = [videoStream(), audioStream()];
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...streams), mutations, chunk, (stream, changes, size) => {
        const bytes = stream.slice();
        // Mostly in the boxes, where it matters.
        for (const [at, value] of changes) bytes[at % Math.min(bytes.byteLength, 900)] = value;
        survives(bytes, size);
      }),
      { numRuns: 3000 },
    );
  });

  test('bytes taken out or put in', () => {
    const stream = videoStream();
    fc.assert(
      fc.property(
        fc.nat({ max: 1000 }),
        fc.nat({ max: 64 }),
        fc.uint8Array({ maxLength: 64 }),
        chunk,
        (at, gone, put, size) => {
          survives(concat([stream.subarray(0, at), put, stream.subarray(at + gone)]), size);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('noise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), chunk, survives), { numRuns: 1000 });
  });
});
