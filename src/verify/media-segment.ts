import { type Box, BoxError, inside, only, versionOf, viewOf, walk } from './boxes.ts';
import type { Track } from './init-segment.ts';

/** What the boxes of a segment say. Times in units of the track's timescale. */
export interface MediaFacts {
  /** `tfdt` of the first fragment: decode time of the first sample. */
  readonly start: bigint;
  /** Sum of sample durations. */
  readonly duration: number;
  readonly samples: number;
  readonly firstIsSync: boolean;
  /** Empty `free` boxes in front: the answer was held. */
  readonly leadingFree: number;
  /** Track of the fragments. */
  readonly trackId: number;
  /** Why samples do not lie in `mdat`, or undefined. */
  readonly samplesProblem: string | undefined;
  /** Why fragments inside the segment do not join, or undefined. */
  readonly joinProblem: string | undefined;
}

interface Run {
  readonly durations: number;
  readonly bytes: number;
  readonly samples: number;
  readonly firstFlags: number | undefined;
  readonly dataOffset: number | undefined;
}

interface Fragment {
  readonly start: bigint;
  readonly trackId: number;
  readonly runs: readonly Run[];
}

// ISO/IEC 14496-12 8.8.3.1
const nonSync = 0x1_0000;

/** Reads a media segment (`[free…] [styp] (moof mdat)+`). Throws a BoxError that says what is wrong. */
export function readSegment(bytes: Uint8Array, track: Track): MediaFacts {
  try {
    return read(walk(viewOf(bytes)), bytes.length, track);
  } catch (error) {
    if (error instanceof RangeError)
      throw new BoxError('a box is too short for its fields', { cause: error });
    throw error;
  }
}

function read(file: readonly Box[], length: number, track: Track): MediaFacts {
  const firstOther = file.findIndex((box) => box.type !== 'free');
  const leadingFree = firstOther < 0 ? file.length : firstOther;
  const fragments: Fragment[] = [];
  let samplesProblem: string | undefined;
  for (const [index, box] of file.entries()) {
    if (box.type === 'mdat' && file[index - 1]?.type !== 'moof')
      throw new BoxError(`\`mdat\` at ${box.at} follows no \`moof\``);
    if (box.type !== 'moof') continue;
    const mdat = file[index + 1];
    if (mdat?.type !== 'mdat') throw new BoxError(`no \`mdat\` follows the \`moof\` at ${box.at}`);
    const fragment = readFragment(box, track);
    samplesProblem ??= outside(fragment, box.at, mdat, length);
    fragments.push(fragment);
  }
  const [first] = fragments;
  if (first === undefined) throw new BoxError('there is no `moof`');
  const runs = fragments.flatMap((fragment) => fragment.runs);
  return {
    start: first.start,
    duration: sum(runs, (run) => run.durations),
    samples: sum(runs, (run) => run.samples),
    firstIsSync: ((first.runs[0]?.firstFlags ?? track.defaults.flags) & nonSync) === 0,
    leadingFree,
    trackId: fragments.find((fragment) => fragment.trackId !== track.id)?.trackId ?? track.id,
    samplesProblem,
    joinProblem: gapInside(fragments),
  };
}

function readFragment(moof: Box, track: Track): Fragment {
  const traf = inside(only(inside(moof), 'traf'));
  const tfhd = only(traf, 'tfhd');
  const { flags } = versionOf(tfhd);
  let at = 8;
  const take = (flag: number, bytes: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    const value = bytes === 8 ? Number(tfhd.data.getBigUint64(at)) : tfhd.data.getUint32(at);
    at += bytes;
    return value;
  };
  take(0x1, 8); // base_data_offset
  take(0x2, 4); // sample_description_index
  const defaults = {
    duration: take(0x8, 4) ?? track.defaults.duration,
    size: take(0x10, 4) ?? track.defaults.size,
    flags: take(0x20, 4) ?? track.defaults.flags,
  };
  const tfdt = only(traf, 'tfdt');
  const start = versionOf(tfdt).version === 1 ? tfdt.data.getBigUint64(4) : BigInt(tfdt.data.getUint32(4));
  const runs = traf.filter((box) => box.type === 'trun').map((trun) => readRun(trun, defaults));
  return { start, trackId: tfhd.data.getUint32(4), runs };
}

/** One `trun` (ISO/IEC 14496-12 8.8.8): each field of a sample is there, or comes from the defaults. */
function readRun(trun: Box, defaults: Track['defaults']): Run {
  const { flags } = versionOf(trun);
  const samples = trun.data.getUint32(4);
  let at = 8;
  const next = (flag: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    at += 4;
    return trun.data.getUint32(at - 4);
  };
  const offset = next(0x1);
  const firstSampleFlags = next(0x4);
  let durations = 0;
  let bytes = 0;
  let firstFlags = firstSampleFlags;
  for (let i = 0; i < samples; i += 1) {
    durations += next(0x100) ?? defaults.duration;
    bytes += next(0x200) ?? defaults.size;
    const own = next(0x400) ?? defaults.flags;
    if (i === 0) firstFlags ??= own;
    next(0x800);
  }
  return { durations, bytes, samples, firstFlags, dataOffset: offset === undefined ? undefined : offset | 0 };
}

/** Sample data begins at `data_offset` after the `moof`, and later runs follow the one before (8.8.8.1). */
function outside(fragment: Fragment, moofAt: number, mdat: Box, fileLength: number): string | undefined {
  const from = mdat.at + 8;
  const to = Math.min(fileLength, from + mdat.data.byteLength);
  let position = from;
  for (const run of fragment.runs) {
    if (run.dataOffset !== undefined) position = moofAt + run.dataOffset;
    if (position < from) return `samples begin ${from - position} bytes before the media data`;
    position += run.bytes;
    if (position > to) return `samples end ${position - to} bytes after the media data`;
  }
  return undefined;
}

function gapInside(fragments: readonly Fragment[]): string | undefined {
  let expected: bigint | undefined;
  for (const fragment of fragments) {
    if (expected !== undefined && fragment.start !== expected) {
      return `a fragment inside it begins at ${fragment.start}, the one before it ends at ${expected}`;
    }
    expected = fragment.start + BigInt(sum(fragment.runs, (run) => run.durations));
  }
  return undefined;
}

const sum = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((total, one) => total + of(one), 0);
