import { createFile, type ISOFile, MP4BoxBuffer } from 'mp4box';
import { describe, expect, test } from 'vitest';
import { SegueError } from '../../../src/ops/errors.ts';
import { normaliseAvcC } from '../../../src/segment/avc.ts';
import { audioSpecificConfig, parseAudioSpecificConfig } from '../../../src/segment/codec.ts';
import { codecString, decodesAs } from '../../../src/segment/codec-string.ts';
import { writeInit } from '../../../src/segment/init.ts';
import { writeSegment } from '../../../src/segment/write-segment.ts';
import { audioConfig, audioStream, samples, videoConfig, videoStream } from './samples.ts';

/** What mp4box, which shares no code with Segue, reads. */
function parsed(bytes: Uint8Array<ArrayBuffer>): ISOFile {
  const file = createFile();
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0));
  file.flush();
  return file;
}

describe('mp4box reads what Segue writes', () => {
  test('video', () => {
    const file = parsed(videoStream());
    const { tracks, isFragmented, brands } = file.getInfo();
    expect(isFragmented).toBe(true);
    expect(brands).toContain('cmfc');
    expect(tracks).toHaveLength(1);
    expect(tracks[0]).toMatchObject({ codec: 'avc1.64001f', timescale: 25_000 });
    expect(tracks[0]?.video).toMatchObject({ width: 1280, height: 720 });
    expect(file.moofs.map(({ trafs }) => trafs[0]?.tfdt?.baseMediaDecodeTime)).toEqual([0, 24_000]);
    const found = file.getTrackSamplesInfo(1);
    expect(found).toHaveLength(48);
    for (const [index, sample] of found.entries()) {
      const place = index % 24;
      expect(sample).toMatchObject({ dts: index * 1000, cts: index * 1000, duration: 1000 });
      expect(sample).toMatchObject({ size: 10 + place, is_sync: place === 0 });
    }
  });

  test('audio', () => {
    const file = parsed(audioStream());
    const [track] = file.getInfo().tracks;
    expect(track).toMatchObject({ codec: 'mp4a.40.2', timescale: 48_000 });
    expect(track?.audio).toMatchObject({ sample_rate: 48_000, channel_count: 2 });
    const found = file.getTrackSamplesInfo(1);
    expect(found.map(({ dts }) => dts)).toEqual(found.map((_, index) => index * 1024));
    expect(found.every(({ is_sync }) => is_sync)).toBe(true);
  });
});

test('a decode time beyond 32 bits survives', () => {
  const late = 48_000 * 3600 * 48;
  const part = {
    kind: 'audio',
    sampleDuration: 1024,
    samples: [{ data: new Uint8Array(5), sync: true }],
  } as const;
  const segment = writeSegment({ ...part, baseMediaDecodeTime: late, sequence: 9 });
  expect(parsed(segment).moofs[0]?.trafs[0]?.tfdt?.baseMediaDecodeTime).toBe(late);
  expect(parsed(segment).moofs[0]?.mfhd.sequence_number).toBe(9);
});

test('equal content gives equal bytes', () => {
  expect(videoStream()).toEqual(videoStream());
  expect(writeInit({ ...audioConfig }, 48_000)).toEqual(writeInit(audioConfig, 48_000));
});

describe('a segment that players could not start at is refused', () => {
  const content = { kind: 'video', baseMediaDecodeTime: 0, sampleDuration: 1, sequence: 1 } as const;
  test.each([
    ['empty', [], /empty/],
    ['without an IDR frame first', samples(3).toReversed(), /does not begin with an IDR/],
    ['with two IDR frames', [...samples(2), ...samples(2)], /second IDR frame at 2/],
  ])('%s', (_, given, message) => {
    expect(() => writeSegment({ ...content, samples: given })).toThrow(message);
    expect(() => writeSegment({ ...content, samples: given })).toThrow(SegueError);
  });
});

describe('codec configuration', () => {
  test('codec strings', () => {
    expect(codecString(videoConfig)).toBe('avc1.64001f');
    expect(codecString(audioConfig)).toBe('mp4a.40.2');
  });

  test('an avcC without the extension of the High profile gets it', () => {
    const short = videoConfig.record.subarray(0, -4);
    expect(normaliseAvcC(short)).toEqual(videoConfig.record);
    expect(normaliseAvcC(videoConfig.record)).toEqual(videoConfig.record);
  });

  test('High 4:2:2, and an avcC that is cut off, are refused', () => {
    const higher = videoConfig.record.slice();
    higher[1] = 122;
    expect(() => normaliseAvcC(higher)).toThrow(SegueError);
    for (let end = 0; end < videoConfig.record.byteLength - 4; end += 1) {
      expect(() => normaliseAvcC(videoConfig.record.subarray(0, end))).toThrow(SegueError);
    }
  });

  test('an AudioSpecificConfig is reduced to its two bytes', () => {
    const long = Uint8Array.from([0x11, 0x90, 0x56, 0xe5, 0x00]);
    expect(parseAudioSpecificConfig(long)).toEqual(audioConfig);
    expect(audioSpecificConfig(audioConfig)).toEqual(Uint8Array.from([0x11, 0x90]));
    expect(() => parseAudioSpecificConfig(Uint8Array.from([0xff, 0xff]))).toThrow(SegueError);
  });
});

describe('codec strings', () => {
  const video = { kind: 'video', width: 16, height: 16 } as const;
  const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

  test.each([
    // What libx265 and SVT-AV1 write for 1280x720 at 25 frames a second.
    ['hvc1', '0101600000009000000000005df000fcfdf8f800000f00', 'hvc1.1.6.L93.90'],
    // Main 10, High tier, level 5.1, no constraint but the first byte's.
    ['hvc1', '01222000000090000000000099f000fcfdf8f800000f00', 'hvc1.2.4.H153.90'],
    ['av01', '81050c00', 'av01.0.05M.08'],
    ['av01', '812dcc00', 'av01.1.13H.10'],
  ] as const)('%s %s is %s', (entry, record, text) => {
    expect(codecString({ ...video, entry, record: bytes(record) })).toBe(text);
  });

  test.each([
    ['hvc1.1.6.L93.90', 'hvc1.1.6.L90.90', true],
    ['hvc1.1.6.L93.90', 'hvc1.1.6.L120.90', false],
    ['hvc1.1.6.L93.90', 'hvc1.2.6.L93.90', false],
    ['av01.0.05M.08', 'av01.0.04M.08', true],
    ['av01.0.05M.08', 'av01.0.05M.10', false],
    ['avc1.64001f', 'avc1.64001e', true],
    ['avc1.64001f', 'avc1.640020', false],
    ['avc1.64001f', 'avc1.4d001f', false],
    ['mp4a.40.2', 'mp4a.40.2', true],
    ['mp4a.40.2', 'mp4a.40.5', false],
  ])('a decoder of %s decodes %s: %s', (announced, made, decodes) => {
    expect(decodesAs(announced, made)).toBe(decodes);
  });
});
