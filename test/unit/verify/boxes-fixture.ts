// Boxes written by hand, after ISO/IEC 14496-12: a second opinion on what src/verify reads.

/** 32 bit numbers, big endian. */
const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
};

const zeros = (count: number): Buffer => Buffer.alloc(count);

/** A box with its payload. */
const box = (type: string, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
};

const full = (type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Buffer =>
  box(type, u32(version * 2 ** 24 + flags), ...parts);

/** What is wrong with an init segment. */
export interface InitDefects {
  readonly editList?: boolean;
  readonly withoutMvex?: boolean;
}

/** What a track is. */
export type FixtureTrack = 'video' | 'audio';

const timescales = { video: 25_000, audio: 48_000 } as const;
/** Units of one sample: a frame of 25 a second, 1024 samples of AAC. */
const sampleDuration = { video: 1000, audio: 1024 } as const;

const sampleEntries: Readonly<Record<FixtureTrack, Buffer>> = {
  video: box(
    'avc1',
    zeros(24),
    Buffer.from([1280 >> 8, 1280 & 255, 720 >> 8, 720 & 255]),
    zeros(50),
    box('avcC', Buffer.from([1, 0x64, 0, 0x1f, 0xff])),
  ),
  audio: box(
    'mp4a',
    zeros(16),
    Buffer.from([0, 2, 0, 16]),
    zeros(4),
    u32(48_000 * 65_536),
    full(
      'esds',
      0,
      0,
      // ES descriptor, decoder configuration (0x40, MPEG-4 audio), AAC-LC at 48 kHz in stereo.
      Buffer.from([3, 22, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90]),
    ),
  ),
};

/** An init segment. */
export function initSegment(track: FixtureTrack, defects: InitDefects = {}): Buffer {
  const id = 1;
  const mdia = box(
    'mdia',
    full('mdhd', 0, 0, u32(0, 0, timescales[track], 0, 0)),
    full('hdlr', 0, 0, zeros(4), Buffer.from(track === 'video' ? 'vide' : 'soun', 'latin1'), zeros(13)),
    box('minf', box('stbl', full('stsd', 0, 0, u32(1), sampleEntries[track]))),
  );
  const edts = defects.editList === true ? [box('edts', full('elst', 0, 0, u32(1, 0, 1024, 65_536)))] : [];
  const trak = box('trak', full('tkhd', 0, 3, u32(0, 0, id), zeros(68)), ...edts, mdia);
  const mvex =
    defects.withoutMvex === true ? [] : [box('mvex', full('trex', 0, 0, u32(id, 1, 0, 0, 0x1_0000)))];
  return Buffer.concat([box('ftyp', Buffer.from('iso6\0\0\0\0cmfc', 'latin1')), box('moov', trak, ...mvex)]);
}

/** How a segment differs from a good one. */
export interface SegmentDefects {
  readonly shift?: number;
  readonly notSync?: boolean;
  readonly trackId?: number;
  /** Added to the size of the last sample, without a byte more in `mdat`. */
  readonly missingBytes?: number;
  /** Empty boxes in front. */
  readonly free?: number;
  readonly samplesMore?: number;
  readonly bytesPerSample?: number;
}

/** A segment `styp moof mdat` of so many samples. `start` in units of the timescale. */
export function mediaSegment(
  track: FixtureTrack,
  start: number,
  samples: number,
  defects: SegmentDefects = {},
): Buffer {
  const { shift = 0, notSync = false, trackId = 1, missingBytes = 0, free = 0, samplesMore = 0 } = defects;
  const count = samples + samplesMore;
  const size = defects.bytesPerSample ?? 20;
  const build = (offset: number): Buffer => {
    const rows = Array.from({ length: count }, (_, index) =>
      u32(sampleDuration[track], size + (index === count - 1 ? missingBytes : 0)),
    );
    const firstFlags = notSync ? 0x0101_0000 : 0x0200_0000;
    const trun = full('trun', 0, 0x1 | 0x4 | 0x100 | 0x200, u32(count, offset, firstFlags), ...rows);
    const tfdt = full('tfdt', 1, 0, u32(0, start + shift));
    return box(
      'moof',
      full('mfhd', 0, 0, u32(1)),
      box('traf', full('tfhd', 0, 0x2_0000, u32(trackId)), tfdt, trun),
    );
  };
  const moof = build(build(0).length + 8);
  const leading = Array.from({ length: free }, () => box('free'));
  const styp = box('styp', Buffer.from('msdh\0\0\0\0cmfs', 'latin1'));
  return Buffer.concat([...leading, styp, moof, box('mdat', zeros(count * size))]);
}
