import type { PinnedClip } from '../../description/schema.ts';
import { hashed } from './noise.ts';
import type { Span } from './span.ts';

/** Where the samples of a voice come from. */
export type VoiceSource =
  | {
      readonly kind: 'file';
      /** WAV file of the asset. */
      readonly path: string;
      /** Sample of the file that is heard first. */
      readonly offset: number;
      /** Samples after which the file begins again at `offset`; without it, silence follows its end. */
      readonly period?: number;
    }
  | { readonly kind: 'tone'; readonly frequency: number; readonly waveform: 'sine' | 'square' | 'triangle' }
  | { readonly kind: 'noise'; readonly key: number };

/** A clip as it is heard. All positions are samples from the start of the video. */
export interface Voice {
  readonly span: Span;
  readonly gain: number;
  /** Samples in which it rises and falls. */
  readonly fadeIn: number;
  readonly fadeOut: number;
  readonly source: VoiceSource;
}

/** Amplitude of tones and noise at volume 1: -12 dB below full scale, about as loud as speech. */
const generatedAmplitude = 0.25;

/** Gain of a voice at a sample: its volume, and linear fades at both ends. */
export function gainAt({ span, gain, fadeIn, fadeOut }: Voice, sample: number): number {
  const risen = fadeIn > 0 ? Math.min(1, (sample - span.from) / fadeIn) : 1;
  const left = fadeOut > 0 ? Math.min(1, (span.to - sample) / fadeOut) : 1;
  return gain * risen * left;
}

const tableSize = 8192;
/** One period of a sine; between two entries a straight line is right to 1e-7, far below 16 bits. */
const sines = Float64Array.from({ length: tableSize + 1 }, (_, index) =>
  Math.sin((2 * Math.PI * index) / tableSize),
);

function sineAt(phase: number): number {
  const place = phase * tableSize;
  const index = Math.floor(place);
  const value = sines[index] ?? 0;
  return value + ((sines[index + 1] ?? 0) - value) * (place - index);
}

/** Value of a tone, -1 to 1, at a number of periods. */
function waveAt(waveform: 'sine' | 'square' | 'triangle', periods: number): number {
  const phase = periods - Math.floor(periods);
  switch (waveform) {
    case 'sine':
      return sineAt(phase);
    case 'square':
      return phase < 0.5 ? 1 : -1;
    case 'triangle':
      return 1 - 4 * Math.abs(((phase + 0.75) % 1) - 0.5);
  }
}

/** The gain of a voice over a span where it is the same throughout; undefined where it rises or falls. */
export function steadyGain({ span, gain, fadeIn, fadeOut }: Voice, part: Span): number | undefined {
  return part.from >= span.from + fadeIn && part.to <= span.to - fadeOut ? gain : undefined;
}

/** Adds a part of a tone or noise to interleaved stereo that begins at sample `base`. Each sample depends on its own number alone. */
export function addGenerated(
  voice: Voice,
  source: Exclude<VoiceSource, { kind: 'file' }>,
  mix: Float32Array,
  { part, base }: { part: Span; base: number },
  sampleRate: number,
): void {
  const steady = steadyGain(voice, part);
  for (let sample = part.from; sample < part.to; sample += 1) {
    const number = sample - voice.span.from;
    const gain = generatedAmplitude * (steady ?? gainAt(voice, sample));
    const at = 2 * (sample - base);
    if (source.kind === 'tone') {
      // Exact over hours: the number of whole periods is an integer where the frequency is.
      const value = gain * waveAt(source.waveform, (number * source.frequency) / sampleRate);
      mix[at] = (mix[at] ?? 0) + value;
      mix[at + 1] = (mix[at + 1] ?? 0) + value;
    } else {
      mix[at] = (mix[at] ?? 0) + gain * (hashed(2 * number, source.key) / 2 ** 31 - 1);
      mix[at + 1] = (mix[at + 1] ?? 0) + gain * (hashed(2 * number + 1, source.key) / 2 ** 31 - 1);
    }
  }
}

/** Fades of a clip in samples. */
export const fadesOf = (clip: PinnedClip, sampleRate: number): { fadeIn: number; fadeOut: number } => ({
  fadeIn: Math.round(clip.fadeIn * sampleRate),
  fadeOut: Math.round(clip.fadeOut * sampleRate),
});
