import { SegueError } from '../ops/errors.ts';
import type { Sample } from './fragment.ts';
import { trackId } from './init.ts';
import { box, concat, fullBox, text, u32, u64 } from './writer.ts';

/** sample_depends_on = 2: decodes by itself (ISO/IEC 14496-12, 8.8.3.1). */
const syncFlags = 0x02000000;
/** sample_depends_on = 1, sample_is_non_sync_sample. */
const deltaFlags = 0x01010000;

/** What a media segment is made from. */
export interface SegmentContent {
  readonly kind: 'video' | 'audio';
  readonly samples: readonly Sample[];
  /** Start of the first sample in units of the timescale (`tfdt`). */
  readonly baseMediaDecodeTime: number;
  /** Duration of every sample in units of the timescale. */
  readonly sampleDuration: number;
  /** mfhd sequence number: from 1. */
  readonly sequence: number;
}

/**
 * A CMAF media segment (ISO/IEC 23000-19, 7.3.2): `styp moof mdat`, one fragment, one run. The bytes depend on nothing
 * but the arguments.
 * @throws SegueError `render_failed` when there is no sample, or video does not begin with its only IDR
 */
export function writeSegment(content: SegmentContent): Uint8Array<ArrayBuffer> {
  const { kind, samples, sampleDuration } = content;
  const video = kind === 'video';
  if (samples.length === 0) throw new SegueError('render_failed', 'The encoder made an empty segment');
  const wrong = video ? samples.findIndex(({ sync }, index) => sync !== (index === 0)) : -1;
  if (wrong >= 0) {
    const what = wrong === 0 ? 'does not begin with an IDR frame' : `has a second IDR frame at ${wrong}`;
    throw new SegueError('render_failed', `The encoded segment ${what}`);
  }
  const styp = box('styp', text('cmfs'), u32(0), text('cmfs'), text('cmff'), text('msdh'), text('msix'));
  const sizes = u32(...samples.map(({ data }) => data.byteLength));
  // Default duration and flags, data offsets from the moof.
  const tfhd = fullBox('tfhd', 0, 0x20028, u32(trackId, sampleDuration, video ? deltaFlags : syncFlags));
  const tfdt = fullBox('tfdt', 1, 0, u64(content.baseMediaDecodeTime));
  const mfhd = fullBox('mfhd', 0, 0, u32(content.sequence));
  const moof = (dataOffset: number) => {
    const head = u32(samples.length, dataOffset, ...(video ? [syncFlags] : []));
    const trun = fullBox('trun', 0, video ? 0x205 : 0x201, head, sizes);
    return box('moof', mfhd, box('traf', tfhd, tfdt, trun));
  };
  const mdat = box('mdat', ...samples.map(({ data }) => data));
  return concat([styp, moof(moof(0).byteLength + 8), mdat]);
}
