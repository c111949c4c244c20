import type { CodecConfig } from '../../../src/segment/codec.ts';
import type { Sample } from '../../../src/segment/fragment.ts';
import { writeInit } from '../../../src/segment/init.ts';
import { writeSegment } from '../../../src/segment/write-segment.ts';
import { concat } from '../../../src/segment/writer.ts';

/** Configuration records as x264 and ffmpeg's AAC encoder write them. */
export const videoConfig: CodecConfig & { kind: 'video' } = {
  kind: 'video',
  width: 1280,
  height: 720,
  entry: 'avc1',
  record: Uint8Array.from(
    Buffer.from(
      '0164001fffe1001d6764001facb402802dd80b50101014000003000400000300c83c60ca8001000568ef05f2c0fdf8f800',
      'hex',
    ),
  ),
};
export const audioConfig: CodecConfig & { kind: 'audio' } = {
  kind: 'audio',
  objectType: 2,
  sampleRate: 48_000,
  channels: 2,
};

/** Samples of growing size; the first is a sync sample. */
export function samples(count: number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    data: Uint8Array.from({ length: 10 + index }, (_, at) => (index * 31 + at) & 255),
    sync: index === 0,
  }));
}

/** A whole video stream: init and two segments. */
export function videoStream(): Uint8Array<ArrayBuffer> {
  const part = { kind: 'video', sampleDuration: 1000, samples: samples(24) } as const;
  return concat([
    writeInit(videoConfig, 25_000),
    writeSegment({ ...part, baseMediaDecodeTime: 0, sequence: 1 }),
    writeSegment({ ...part, baseMediaDecodeTime: 24_000, sequence: 2 }),
  ]);
}

/** A whole audio stream: init and one segment. */
export function audioStream(): Uint8Array<ArrayBuffer> {
  const all = samples(45).map(({ data }) => ({ data, sync: true }));
  return concat([
    writeInit(audioConfig, 48_000),
    writeSegment({ kind: 'audio', samples: all, baseMediaDecodeTime: 0, sampleDuration: 1024, sequence: 1 }),
  ]);
}
