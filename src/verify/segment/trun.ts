import { type Box, versionOf } from './boxes.ts';
import { FormatError } from './facts.ts';
import type { Track } from './init.ts';

/** A run of samples. Times in units of the track's timescale. */
export interface Run {
  readonly samples: number;
  readonly durations: number;
  readonly bytes: number;
  /** Flags of the first sample, where the run has any. */
  readonly firstFlags: number | undefined;
  readonly firstSize: number;
  /** Earliest presentation time of a sample, from the start of the run. */
  readonly earliest: number;
  /** How many samples have a duration. */
  readonly histogram: ReadonlyMap<number, number>;
  readonly dataOffset: number | undefined;
  /** Where its bytes begin in the file. */
  readonly at: number;
}

const perSample = 0x100 | 0x200 | 0x400 | 0x800;

/** One `trun` (ISO/IEC 14496-12 8.8.8): each field of a sample is there, or comes from the defaults. */
export function readRun(trun: Box, defaults: Track['defaults']): Run {
  const { flags, version } = versionOf(trun);
  const samples = trun.data.getUint32(4);
  let at = 8;
  const next = (flag: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    at += 4;
    return trun.data.getUint32(at - 4);
  };
  const offset = next(0x1);
  const firstSampleFlags = next(0x4);
  const dataOffset = offset === undefined ? undefined : offset | 0;
  if ((flags & perSample) === 0) {
    const histogram = new Map([[defaults.duration, samples]]);
    const totals = { durations: samples * defaults.duration, bytes: samples * defaults.size };
    const firstFlags = firstSampleFlags ?? (samples > 0 ? defaults.flags : undefined);
    return {
      samples,
      ...totals,
      firstFlags,
      firstSize: defaults.size,
      earliest: 0,
      histogram,
      dataOffset,
      at: 0,
    };
  }
  // Each sample takes four bytes at least, so the box bounds this loop.
  if (samples * 4 > trun.data.byteLength)
    throw new FormatError(`\`trun\` at ${trun.at} says ${samples} samples`);
  let durations = 0;
  let bytes = 0;
  let firstFlags = firstSampleFlags;
  let firstSize = 0;
  let earliest = Number.POSITIVE_INFINITY;
  const histogram = new Map<number, number>();
  for (let i = 0; i < samples; i += 1) {
    const duration = next(0x100) ?? defaults.duration;
    const size = next(0x200) ?? defaults.size;
    const own = next(0x400) ?? defaults.flags;
    const composition = next(0x800) ?? 0;
    earliest = Math.min(earliest, durations + (version === 0 ? composition : composition | 0));
    if (i === 0) {
      firstFlags ??= own;
      firstSize = size;
    }
    histogram.set(duration, (histogram.get(duration) ?? 0) + 1);
    durations += duration;
    bytes += size;
  }
  if (samples === 0) earliest = 0;
  return { samples, durations, bytes, firstFlags, firstSize, earliest, histogram, dataOffset, at: 0 };
}
