import { ByteReader, boxAt, boxesIn, findBox, malformed } from './reader.ts';

/** Sample defaults of a track: from `trex`, then `tfhd` (ISO/IEC 14496-12, 8.8.3 and 8.8.7). */
export interface TrackDefaults {
  readonly size: number;
  readonly flags: number;
}

/** Where a sample lies in the stream. */
export interface SampleRange {
  /** Absolute position in the stream. */
  readonly start: number;
  readonly size: number;
  readonly sync: boolean;
}

/** Defaults where nothing sets them. */
export const noDefaults: TrackDefaults = { size: 0, flags: 0 };

/** sample_is_non_sync_sample (8.8.3.1). */
const nonSync = 0x10000;

/** Defaults in the `trex` of a `moov` payload. */
export function parseTrackDefaults(moov: Uint8Array): TrackDefaults {
  const trex = new ByteReader(boxAt(moov, 'mvex', 'trex'));
  trex.skip(16);
  return { size: trex.u32(), flags: trex.u32() };
}

interface TrackFragment extends TrackDefaults {
  /** Position in the stream that data offsets count from. */
  readonly base: number;
}

function parseTfhd(payload: Uint8Array, defaults: TrackDefaults, moofPosition: number): TrackFragment {
  const reader = new ByteReader(payload);
  const flags = reader.u32() & 0xffffff;
  reader.skip(4);
  const base = (flags & 0x1) === 0 ? moofPosition : reader.u64();
  if ((flags & 0x2) !== 0) reader.skip(4);
  if ((flags & 0x8) !== 0) reader.skip(4);
  return {
    base,
    size: (flags & 0x10) === 0 ? defaults.size : reader.u32(),
    flags: (flags & 0x20) === 0 ? defaults.flags : reader.u32(),
  };
}

/** Reads a `trun` (8.8.8) and adds its samples; returns the position after the last. */
function parseTrun(
  payload: Uint8Array,
  fragment: TrackFragment,
  follows: number,
  into: SampleRange[],
  maxSamples: number,
): number {
  const reader = new ByteReader(payload);
  const flags = reader.u32() & 0xffffff;
  const count = reader.u32();
  if (count + into.length > maxSamples) throw malformed(`more than ${maxSamples} samples`);
  let start = (flags & 0x1) === 0 ? follows : fragment.base + reader.i32();
  const firstFlags = (flags & 0x4) === 0 ? undefined : reader.u32();
  for (let index = 0; index < count; index += 1) {
    if ((flags & 0x100) !== 0) reader.skip(4);
    const size = (flags & 0x200) === 0 ? fragment.size : reader.u32();
    const own = (flags & 0x400) === 0 ? fragment.flags : reader.u32();
    if ((flags & 0x800) !== 0 && reader.i32() !== 0) throw malformed('reordered pictures');
    const sampleFlags = index === 0 ? (firstFlags ?? own) : own;
    if (size === 0) throw malformed('an empty sample');
    into.push({ start, size, sync: (sampleFlags & nonSync) === 0 });
    start += size;
  }
  return start;
}

/**
 * Where the samples of a `moof` payload lie. `position` is that of the moof's first byte in the stream.
 * @throws SegueError `render_failed` for malformed boxes, several tracks, reordered pictures or too many samples
 */
export function parseMoof(
  moof: Uint8Array,
  defaults: TrackDefaults,
  { position, maxSamples }: { readonly position: number; readonly maxSamples: number },
): SampleRange[] {
  const fragments = [...boxesIn(moof)].filter(({ type }) => type === 'traf');
  if (fragments.length !== 1 || fragments[0] === undefined)
    throw malformed(`${fragments.length} track fragments`);
  const traf = fragments[0].payload;
  const tfhd = findBox(traf, 'tfhd');
  if (tfhd === undefined) throw malformed('no tfhd');
  const fragment = parseTfhd(tfhd, defaults, position);
  const samples: SampleRange[] = [];
  let follows = fragment.base;
  for (const { type, payload } of boxesIn(traf)) {
    if (type === 'trun') follows = parseTrun(payload, fragment, follows, samples, maxSamples);
  }
  return samples;
}
