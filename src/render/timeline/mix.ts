import { setImmediate } from 'node:timers/promises';
import { overlapOf, repetitions, type Span } from './span.ts';
import { addGenerated, gainAt, steadyGain, type Voice } from './voice.ts';
import { openWav, type WavReader } from './wav.ts';

/** Samples mixed at once: 0.1 s, so that no other work of the process waits long. */
const samplesAtOnce = 4800;
const fullScale = 32_768;

async function addFile(
  voice: Voice,
  file: WavReader,
  piece: { offset: number; period: number },
  mix: Float32Array,
  part: Span,
  base: number,
): Promise<void> {
  for (const turn of repetitions(voice.span, piece.period, part)) {
    const heard = overlapOf(turn, part);
    if (heard === undefined) continue;
    const steady = steadyGain(voice, heard);
    const samples = await file.read(piece.offset + heard.from - turn.from, heard.to - heard.from);
    for (let index = 0; index < samples.length; index += 2) {
      const sample = heard.from + index / 2;
      const gain = (steady ?? gainAt(voice, sample)) / fullScale;
      const at = 2 * (sample - base);
      mix[at] = (mix[at] ?? 0) + gain * (samples[index] ?? 0);
      mix[at + 1] = (mix[at + 1] ?? 0) + gain * (samples[index + 1] ?? 0);
    }
  }
}

/**
 * The sum of the voices over a span (which may begin before 0: silence), as interleaved stereo float32. Each sample depends on
 * its own number alone, so pieces mixed apart join exactly. Sums beyond full scale are cut: anything gentler would have to
 * remember what came before.
 */
export async function* mixed(
  voices: readonly Voice[],
  span: Span,
  sampleRate: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await using stack = new AsyncDisposableStack();
  const files = new Map<string, WavReader>();
  for (const { source } of voices) {
    if (source.kind !== 'file' || files.has(source.path)) continue;
    files.set(source.path, stack.use(await openWav(source.path)));
  }
  for (let base = span.from; base < span.to; base += samplesAtOnce) {
    await setImmediate(undefined, { signal });
    const chunk = { from: base, to: Math.min(base + samplesAtOnce, span.to) };
    const mix = new Float32Array(2 * (chunk.to - chunk.from));
    for (const voice of voices) {
      const part = overlapOf(voice.span, chunk);
      if (part === undefined) continue;
      const { source } = voice;
      const file = source.kind === 'file' ? files.get(source.path) : undefined;
      if (source.kind !== 'file') addGenerated(voice, source, mix, { part, base }, sampleRate);
      else if (file !== undefined) {
        const period = source.period ?? voice.span.to - voice.span.from;
        await addFile(voice, file, { offset: source.offset, period }, mix, part, base);
      }
    }
    for (let index = 0; index < mix.length; index += 1)
      mix[index] = Math.min(1, Math.max(-1, mix[index] ?? 0));
    yield new Uint8Array(mix.buffer);
  }
}
