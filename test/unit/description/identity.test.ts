import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, videoIdOf } from '../../../src/description/canonical.ts';
import { clipFrames, quantised } from '../../../src/description/frames.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import { seededRandom, seededSequence } from '../../../src/description/random.ts';
import { frameCountOf } from '../../../src/description/schema.ts';

const key = new TextEncoder().encode('a key of thirty-two characters..');

/** The same JSON with the keys of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
}

const timelines = fc
  .record({
    fps: fc.constantFrom(24, 25, 30, 50, 60),
    frames: fc.integer({ min: 20, max: 5000 }),
    seed: fc.nat(),
    cuts: fc.array(fc.double({ min: 0, max: 0.9, noNaN: true }), { minLength: 1, maxLength: 8 }),
    text: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
  })
  .map(({ fps, frames, seed, cuts, text }) => {
    const duration = frames / fps;
    const clips = cuts.map((cut) => ({
      start: cut * duration,
      length: 0.1 * duration,
      asset: { type: 'text', text },
    }));
    return {
      segue: 1,
      kind: 'timeline',
      size: { width: 320, height: 180 },
      fps,
      duration,
      seed,
      tracks: [{ clips }],
    };
  });

describe('a video id', () => {
  it('does not depend on the order of keys, nor on defaults that are spelled out', async () => {
    await fc.assert(
      fc.asyncProperty(timelines, async (json) => {
        const text = canonicalText(parseDescription(json));
        const again = canonicalText(parseDescription(reversed(parseDescription(reversed(json)))));
        expect(again).toBe(text);
        expect(await videoIdOf(again, key)).toBe(await videoIdOf(text, key));
      }),
      { numRuns: 50 },
    );
  });

  it('is 32 characters that are safe in URLs, file names and host names', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        expect(await videoIdOf(text, key)).toMatch(/^[a-z2-7]{32}$/);
      }),
      { numRuns: 50 },
    );
  });

  it('differs by description and by key, and is the same by CryptoKey', async () => {
    const other = new TextEncoder().encode('another key of thirty-two chars.');
    const cryptoKey = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ]);
    const ids = [await videoIdOf('{}', key), await videoIdOf('[]', key), await videoIdOf('{}', other)];
    expect(new Set(ids).size).toBe(3);
    expect(await videoIdOf('{}', cryptoKey)).toBe(ids[0]);
  });

  it('is HMAC-SHA-256 in base 32, as any other program computes it', async () => {
    // printf 'segue video\n{}' | openssl dgst -sha256 -hmac 'a key of thirty-two characters..' -binary | head -c 20 | base32
    expect(await videoIdOf('{}', key)).toBe('kre562crgyy6xljctphtnnwjbxhq2q7m');
  });
});

describe('canonical text', () => {
  it('is RFC 8785', () => {
    const value = { b: [1e21, 0.1, -0, 333333333.3333333], a: 'é\n\u0007', '': null };
    expect(canonicalText(value)).toBe(
      String.raw`{"":null,"a":"é\n\u0007","b":[1e+21,0.1,0,333333333.3333333]}`,
    );
  });

  it('refuses what JSON cannot say', () => {
    expect(() => canonicalText(undefined)).toThrow('Only JSON has a canonical form');
  });
});

describe('whole frames', () => {
  it('are reached in one step, move nothing by more than half a frame, and keep what touches together', () => {
    fc.assert(
      fc.property(timelines, (json) => {
        const description = parseDescription(json);
        const whole = quantised(description);
        expect(quantised(whole)).toEqual(whole);
        expect(frameCountOf(whole)).toBe(frameCountOf(description));
        if (whole.kind !== 'timeline' || description.kind !== 'timeline') return;
        for (const [index, clip] of (whole.tracks[0]?.clips ?? []).entries()) {
          const before = description.tracks[0]?.clips[index] ?? clip;
          expect(Math.abs(clip.start - before.start) * whole.fps).toBeLessThan(0.5001);
          expect(clip.length * whole.fps).toBeGreaterThan(0.999);
          const next = { start: before.start + before.length, length: 1 };
          if (clip.length * whole.fps > 1.5) {
            expect(clipFrames(next, whole.fps).from).toBe(clipFrames(clip, whole.fps).to);
          }
        }
      }),
    );
  });
});

describe('seeded numbers', () => {
  it('are pure, in [0, 1), and differ by seed and by label', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.integer(), (seed, label, n) => {
        const value = seededRandom(seed, label, n);
        expect(value).toBe(seededRandom(seed, label, n));
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
        expect(
          new Set([
            value,
            seededRandom(seed + 1, label, n),
            seededRandom(seed, label, n + 1),
            seededRandom(seed, label, String(n)),
          ]).size,
        ).toBe(4);
      }),
    );
  });

  it('are spread evenly, also for neighbouring labels', () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 10_000; n += 1) {
      const bin = Math.floor(seededRandom(7, 'cell', n) * 10);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('come as the same sequence again', () => {
    const [one, two, other] = [seededSequence(1, 'a'), seededSequence(1, 'a'), seededSequence(1, 'b')];
    const take = (next: () => number) => Array.from({ length: 100 }, next);
    const values = take(one);
    expect(take(two)).toEqual(values);
    expect(take(other)).not.toEqual(values);
    expect(new Set(values).size).toBe(100);
  });
});
