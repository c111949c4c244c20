import { readAdts } from './adts.ts';
import { withoutEmulation } from './bits.ts';
import { hevc } from './codec.ts';
import type { TrackFacts } from './facts.ts';
import { readSps } from './h264.ts';
import { nalKind } from './nal.ts';
import type { Pes } from './pes.ts';

const video = new Map([
  [0x1b, 'avc1'],
  [0x24, 'hvc1'],
]);
const audio = new Map([
  [0x03, 'mp4a.40.34'],
  [0x04, 'mp4a.40.34'],
  [0x0f, 'mp4a.40.2'],
  [0x81, 'ac-3'],
  [0x87, 'ec-3'],
]);
const rate = 90_000;
/** Bytes at the start of a picture that are searched for parameter sets. */
const searched = 65_536;

/** Reads one elementary stream. Undefined for what HLS does not play (timed metadata). */
export function readElementary(
  pid: number,
  type: number,
  list: readonly Pes[],
): { track?: TrackFacts; problem?: string | undefined } | undefined {
  const codec = video.get(type) ?? audio.get(type);
  if (codec === undefined) return undefined;
  const [first] = list;
  // A stream of the PMT that has nothing in this segment.
  if (first === undefined) return {};
  const times = list.flatMap(({ dts }) => dts ?? []);
  const problem = timesProblem(pid, list, times);
  const [start] = times;
  if (start === undefined) return { problem };
  const typical = times.length > 1 ? ((times.at(-1) ?? start) - start) / (times.length - 1) : 0;
  const base = {
    id: pid,
    timescale: rate,
    start,
    shown: list.reduce((least, { pts }) => Math.min(least, pts ?? least), Number.POSITIVE_INFINITY),
    duration: (times.at(-1) ?? start) - start + typical,
    slack: typical === 0 ? Number.POSITIVE_INFINITY : typical / 2,
    samples: list.length,
  };
  if (video.has(type)) return { track: { ...base, ...picture(codec, first, typical) }, problem };
  return { track: { ...base, ...sound(codec, list, base) }, problem };
}

function timesProblem(pid: number, list: readonly Pes[], times: readonly number[]): string | undefined {
  if (times.length < list.length)
    return `${list.length - times.length} PES packets of PID ${pid} have no PTS`;
  const back = times.findIndex((time, index) => index > 0 && time <= (times[index - 1] ?? time));
  return back < 0 ? undefined : `DTS of PID ${pid} goes from ${times[back - 1]} to ${times[back]}`;
}

type Described = Pick<
  TrackFacts,
  'kind' | 'codec' | 'firstIsSync' | 'width' | 'height' | 'frameRate' | 'sampleRate'
>;

function picture(family: string, first: Pes, typical: number): Described {
  const bytes = Buffer.concat(first.chunks).subarray(0, searched);
  let firstIsSync: boolean | undefined;
  let size = { width: 0, height: 0 };
  let codec = family;
  for (const nal of units(bytes)) {
    const kind = nalKind(nal[0] ?? 0, family);
    if (kind !== 'other') {
      firstIsSync = kind === 'key';
      break;
    }
    if (family === 'avc1' && ((nal[0] ?? 0) & 31) === 7) {
      const sps = readSps(nal);
      codec = `avc1.${Buffer.from(nal.subarray(1, 4)).toString('hex')}`;
      size = sps ?? size;
    }
    if (family === 'hvc1' && (((nal[0] ?? 0) >> 1) & 63) === 33) {
      const sps = withoutEmulation(nal.subarray(2, 64));
      if (sps.length >= 13) codec = `hvc1.${hevc(new DataView(sps.buffer, sps.byteOffset, sps.byteLength))}`;
    }
  }
  return {
    kind: 'video',
    codec,
    firstIsSync,
    ...size,
    frameRate: typical > 0 ? rate / typical : undefined,
    sampleRate: 0,
  };
}

/** NAL units of a byte stream (H.264 Annex B). */
function* units(bytes: Uint8Array): Generator<Uint8Array> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = Buffer.from([0, 0, 1]);
  let from = buffer.indexOf(mark);
  while (from >= 0) {
    const next = buffer.indexOf(mark, from + 3);
    yield buffer.subarray(from + 3, next < 0 ? buffer.length : next);
    from = next;
  }
}

function sound(
  codec: string,
  list: readonly Pes[],
  guessed: { readonly duration: number; readonly slack: number },
): Described & { duration: number; slack: number } {
  const described = {
    kind: 'audio',
    firstIsSync: undefined,
    width: 0,
    height: 0,
    frameRate: undefined,
  } as const;
  const adts =
    codec === 'mp4a.40.2' ? readAdts(Buffer.concat(list.flatMap(({ chunks }) => chunks))) : undefined;
  if (adts === undefined || adts.frames === 0) return { ...described, ...guessed, codec, sampleRate: 0 };
  // Times are written in 1/90000 s, rounded: two milliseconds are no gap.
  return {
    ...described,
    codec: adts.codec,
    sampleRate: adts.sampleRate,
    duration: (adts.frames * 1024 * rate) / adts.sampleRate,
    slack: 180,
  };
}
