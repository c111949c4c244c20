import { type Box, inside, only, versionOf, viewOf, walk } from './boxes.ts';
import { FormatError, noFacts, type SegmentFacts, type TrackFacts } from './facts.ts';
import type { Init, Track } from './init.ts';
import { isRandomAccess } from './nal.ts';
import { type Run, readRun } from './trun.ts';

/** What a fragmented MP4 segment has besides its tracks. */
export interface Fmp4Facts extends SegmentFacts {
  /** Why samples do not lie in `mdat`, or undefined. */
  readonly samplesProblem: string | undefined;
  /** Why fragments inside the segment do not join, or undefined. */
  readonly joinProblem: string | undefined;
  /** A track of a fragment that the init segment does not have. */
  readonly stranger: number | undefined;
}

/** The fragments of one track. */
interface TrackRuns {
  readonly start: number;
  readonly runs: readonly Run[];
}

// ISO/IEC 14496-12 8.8.3.1
const nonSync = 0x1_0000;

/**
 * Reads a media segment (`[free…] [styp] (moof mdat)+`). `cut`: it is a byte range that may end in the middle of `mdat`.
 * Throws a FormatError (or RangeError) that says what is wrong.
 */
export function readFmp4(bytes: Uint8Array, init: Init, cut = false): Fmp4Facts {
  const file = walk(viewOf(bytes), 0, cut);
  const firstOther = file.findIndex((box) => box.type !== 'free');
  const byTrack = new Map<number, TrackRuns[]>();
  let samplesProblem: string | undefined;
  for (const [index, box] of file.entries()) {
    if (box.type === 'mdat' && file[index - 1]?.type !== 'moof')
      throw new FormatError(`\`mdat\` at ${box.at} follows no \`moof\``);
    if (box.type !== 'moof') continue;
    const mdat = file[index + 1];
    if (mdat?.type !== 'mdat') throw new FormatError(`no \`mdat\` follows the \`moof\` at ${box.at}`);
    const end = readMoof(box, mdat, init, byTrack);
    samplesProblem ??= cut ? undefined : end;
  }
  if (byTrack.size === 0) throw new FormatError('there is no `moof`');
  const known = init.filter(({ id }) => byTrack.has(id));
  return {
    ...noFacts,
    container: 'fmp4',
    tracks: known.map((track) => factsOf(track, byTrack.get(track.id) ?? [], bytes)),
    padding: 8 * (firstOther < 0 ? file.length : firstOther),
    samplesProblem,
    joinProblem: [...byTrack.values()].map(gapInside).find((problem) => problem !== undefined),
    stranger: [...byTrack.keys()].find((id) => !init.some((track) => track.id === id)),
  };
}

/** Reads the fragments of a `moof` into `byTrack`. Returns why samples lie outside of `mdat`, if they do (8.8.8.1). */
function readMoof(moof: Box, mdat: Box, init: Init, byTrack: Map<number, TrackRuns[]>): string | undefined {
  const from = mdat.at + 8;
  const to = mdat.at + 8 + mdat.data.byteLength;
  let position = from;
  let problem: string | undefined;
  for (const traf of inside(moof).filter(({ type }) => type === 'traf')) {
    const boxes = inside(traf);
    const { id, base, defaults } = readHeader(only(boxes, 'tfhd'), init);
    const tfdt = only(boxes, 'tfdt');
    const start = versionOf(tfdt).version === 1 ? Number(tfdt.data.getBigUint64(4)) : tfdt.data.getUint32(4);
    const runs: Run[] = [];
    for (const trun of boxes.filter(({ type }) => type === 'trun')) {
      const run = readRun(trun, defaults);
      if (run.dataOffset !== undefined) position = (base ?? moof.at) + run.dataOffset;
      runs.push({ ...run, at: position });
      if (position < from) problem ??= `samples begin ${from - position} bytes before the media data`;
      position += run.bytes;
      if (position > to) problem ??= `samples end ${position - to} bytes after the media data`;
    }
    const fragments = byTrack.get(id);
    if (fragments === undefined) byTrack.set(id, [{ start, runs }]);
    else fragments.push({ start, runs });
  }
  return problem;
}

function readHeader(
  tfhd: Box,
  init: Init,
): { id: number; base: number | undefined; defaults: Track['defaults'] } {
  const { flags } = versionOf(tfhd);
  const id = tfhd.data.getUint32(4);
  const track = init.find((one) => one.id === id);
  let at = 8;
  const take = (flag: number, bytes: 4 | 8): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    const value = bytes === 8 ? Number(tfhd.data.getBigUint64(at)) : tfhd.data.getUint32(at);
    at += bytes;
    return value;
  };
  const base = take(0x1, 8);
  take(0x2, 4); // sample_description_index
  const defaults = {
    duration: take(0x8, 4) ?? track?.defaults.duration ?? 0,
    size: take(0x10, 4) ?? track?.defaults.size ?? 0,
    flags: take(0x20, 4) ?? track?.defaults.flags ?? 0,
  };
  return { id, base, defaults };
}

function factsOf(track: Track, fragments: readonly TrackRuns[], bytes: Uint8Array): TrackFacts {
  const runs = fragments.flatMap((fragment) => fragment.runs);
  const [first] = runs;
  const start = fragments[0]?.start ?? 0;
  const samples = runs.reduce((total, run) => total + run.samples, 0);
  const flagged = ((first?.firstFlags ?? track.defaults.flags) & nonSync) === 0;
  const isKey =
    track.nalLength === 0 || first === undefined
      ? true
      : isRandomAccess(bytes.subarray(first.at, first.at + first.firstSize), track.nalLength, track.codec);
  return {
    id: track.id,
    kind: track.kind,
    codec: track.codec,
    timescale: track.timescale,
    start,
    shown: start + (first?.earliest ?? 0) - track.editStart,
    duration: runs.reduce((total, run) => total + run.durations, 0),
    slack: 0,
    samples,
    firstIsSync: flagged && isKey,
    width: track.width,
    height: track.height,
    frameRate: track.kind === 'video' ? rateOf(runs, track.timescale) : undefined,
    sampleRate: track.sampleRate,
  };
}

/** Frames a second of the sample duration that most of the samples have. */
function rateOf(runs: readonly Run[], timescale: number): number | undefined {
  const counts = new Map<number, number>();
  for (const { histogram } of runs)
    for (const [duration, count] of histogram) counts.set(duration, (counts.get(duration) ?? 0) + count);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most === undefined || most[0] === 0 ? undefined : timescale / most[0];
}

function gapInside(fragments: readonly TrackRuns[]): string | undefined {
  let expected: number | undefined;
  for (const { start, runs } of fragments) {
    if (expected !== undefined && start !== expected) {
      return `a fragment inside it begins at ${start}, the one before it ends at ${expected}`;
    }
    expected = start + runs.reduce((total, run) => total + run.durations, 0);
  }
  return undefined;
}
