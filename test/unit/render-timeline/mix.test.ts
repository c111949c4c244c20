import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mixed } from '../../../src/render/timeline/mix.ts';
import type { Voice, VoiceSource } from '../../../src/render/timeline/voice.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';

const rate = 48_000;
const signal = new AbortController().signal;
let folder: TemporaryFolder;
let wav: string;
const wavSamples = 5000;

beforeAll(async () => {
  folder = await temporaryFolder();
  wav = `${folder.path}/ramp.wav`;
  // Sample n is n on the left, -n on the right; a chunk that nobody asked for comes before the data.
  const data = Buffer.alloc(4 * wavSamples);
  for (let n = 0; n < wavSamples; n += 1) {
    data.writeInt16LE(n, 4 * n);
    data.writeInt16LE(-n, 4 * n + 2);
  }
  const chunk = (name: string, body: Buffer) => {
    const head = Buffer.alloc(8);
    head.write(name, 'latin1');
    head.writeUInt32LE(body.byteLength, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.byteLength % 2)]);
  };
  const parts = [chunk('fmt ', Buffer.alloc(16)), chunk('LIST', Buffer.alloc(7)), chunk('data', data)];
  writeFileSync(wav, chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...parts])));
});
afterAll(() => folder[Symbol.asyncDispose]());

async function hear(voices: readonly Voice[], from: number, to: number): Promise<Float32Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of mixed(voices, { from, to }, rate, signal)) chunks.push(chunk);
  return new Float32Array(new Uint8Array(Buffer.concat(chunks)).buffer);
}

const voice = (source: VoiceSource, extra: Partial<Voice> = {}): Voice => ({
  span: { from: 1000, to: 31_000 },
  gain: 1,
  fadeIn: 0,
  fadeOut: 0,
  source,
  ...extra,
});
const sine: VoiceSource = { kind: 'tone', frequency: 440, waveform: 'sine' };
const left = (samples: Float32Array, n: number) => samples[2 * n] ?? Number.NaN;
const right = (samples: Float32Array, n: number) => samples[2 * n + 1] ?? Number.NaN;

describe('mixed sound', () => {
  test.each<[string, () => VoiceSource]>([
    ['sine', () => sine],
    ['square', () => ({ kind: 'tone', frequency: 333.3, waveform: 'square' })],
    ['triangle', () => ({ kind: 'tone', frequency: 1234.5, waveform: 'triangle' })],
    ['noise', () => ({ kind: 'noise', key: 99 })],
    ['file', () => ({ kind: 'file', path: wav, offset: 100 })],
    ['looped file', () => ({ kind: 'file', path: wav, offset: 100, period: 1777 })],
  ])('%s: pieces heard apart join exactly', async (_, source) => {
    const voices = [voice(source(), { fadeIn: 5000, fadeOut: 7000, gain: 0.7 })];
    const whole = await hear(voices, -2048, 40_000);
    expect(whole).toHaveLength(2 * 42_048);
    expect(whole.some((value) => Math.abs(value) > 0.01)).toBe(true);
    const cuts = [-2048, 999, 1000, 1001, 9_601, 23_456, 30_999, 40_000];
    const pieces = await Promise.all(cuts.slice(1).map((to, index) => hear(voices, cuts[index] ?? 0, to)));
    const joined = Buffer.concat(pieces.map(({ buffer }) => Buffer.from(buffer)));
    expect(joined.equals(Buffer.from(whole.buffer))).toBe(true);
  });

  test('silence before 0 and outside the clip', async () => {
    const samples = await hear([voice(sine)], -2048, 40_000);
    expect(samples.subarray(0, 2 * 3048).every((value) => value === 0)).toBe(true);
    expect(samples.subarray(2 * (31_000 + 2048)).every((value) => value === 0)).toBe(true);
  });

  test('a file is heard from its offset, and silence follows its end', async () => {
    const samples = await hear([voice({ kind: 'file', path: wav, offset: 100 })], 0, 10_000);
    expect(left(samples, 1000)).toBe(Math.fround(100 / 32_768));
    expect(right(samples, 1234)).toBe(Math.fround(-334 / 32_768));
    expect(left(samples, 1000 + wavSamples - 101)).toBe(Math.fround((wavSamples - 1) / 32_768));
    expect(left(samples, 1000 + wavSamples - 100)).toBe(0);
  });

  test('a loop begins again at its offset after its period', async () => {
    const samples = await hear([voice({ kind: 'file', path: wav, offset: 100, period: 1777 })], 0, 10_000);
    expect(left(samples, 1000 + 1776)).toBe(Math.fround(1876 / 32_768));
    expect(left(samples, 1000 + 1777)).toBe(Math.fround(100 / 32_768));
    expect(left(samples, 1000 + 3 * 1777 + 5)).toBe(Math.fround(105 / 32_768));
  });

  test('a tone has its pitch and level', async () => {
    const samples = await hear([voice(sine, { gain: 2 })], 1000, 1000 + rate / 2);
    const crossings = Array.from({ length: rate / 2 - 1 }, (_, n) => n).filter(
      (n) => left(samples, n) < 0 && left(samples, n + 1) >= 0,
    );
    expect(crossings.length).toBeGreaterThanOrEqual(219);
    expect(crossings.length).toBeLessThanOrEqual(220 + 55);
    expect(Math.max(...samples)).toBeCloseTo(0.5, 3);
  });

  test('fades are linear and reach both ends', async () => {
    const square: VoiceSource = { kind: 'tone', frequency: 20, waveform: 'square' };
    const samples = await hear([voice(square, { fadeIn: 1000, fadeOut: 1000 })], 0, 32_000);
    expect(Math.abs(left(samples, 1000))).toBe(0);
    expect(Math.abs(left(samples, 1500))).toBeCloseTo(0.125, 6);
    expect(Math.abs(left(samples, 2000))).toBeCloseTo(0.25, 6);
    expect(Math.abs(left(samples, 30_500))).toBeCloseTo(0.125, 6);
  });

  test('voices add up, and what is too loud is cut at full scale', async () => {
    const [one, two] = [voice(sine), voice({ kind: 'noise', key: 3 })];
    const [a, b, both] = [
      await hear([one], 0, 5000),
      await hear([two], 0, 5000),
      await hear([one, two], 0, 5000),
    ];
    for (const n of [0, 1500, 4999]) expect(left(both, n)).toBeCloseTo(left(a, n) + left(b, n), 6);
    const loud = await hear([voice(sine, { gain: 4 }), voice(sine, { gain: 4 })], 0, 5000);
    expect(Math.max(...loud)).toBe(1);
    expect(Math.min(...loud)).toBe(-1);
  });

  test('noise differs between the sides and between keys, and is centred', async () => {
    const [a, b] = [
      await hear([voice({ kind: 'noise', key: 1 })], 1000, 25_000),
      await hear([voice({ kind: 'noise', key: 2 })], 1000, 25_000),
    ];
    const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
    expect(Math.abs(mean)).toBeLessThan(0.005);
    const likeness = (x: (n: number) => number, y: (n: number) => number) =>
      Array.from({ length: 23_000 }, (_, n) => x(n) * y(n)).reduce((sum, value) => sum + value, 0) /
      23_000 /
      0.0208;
    expect(
      Math.abs(
        likeness(
          (n) => left(a, n),
          (n) => right(a, n),
        ),
      ),
    ).toBeLessThan(0.05);
    expect(
      Math.abs(
        likeness(
          (n) => left(a, n),
          (n) => left(b, n),
        ),
      ),
    ).toBeLessThan(0.05);
    expect(
      Math.abs(
        likeness(
          (n) => left(a, n),
          (n) => left(a, n + 1),
        ),
      ),
    ).toBeLessThan(0.05);
  });

  test('a file that is no WAV is refused', async () => {
    const path = `${folder.path}/not.wav`;
    writeFileSync(path, 'something else');
    await expect(hear([voice({ kind: 'file', path, offset: 0 })], 0, 100)).rejects.toMatchObject({
      code: 'render_failed',
    });
  });
});
