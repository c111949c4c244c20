import { z } from 'zod';

const size = { width: z.int().min(1), height: z.int().min(1) };

/** Schema of {@link AssetFacts}, for reading facts back from the catalog or a node's disk. */
export const assetFactsSchema = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(1),
  format: z.string(),
  durationSeconds: z.number().min(0).optional(),
  video: z
    .strictObject({
      codec: z.string(),
      ...size,
      frameRate: z.number().gt(0),
      rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]),
      durationSeconds: z.number().min(0),
      frames: z.int().min(1),
    })
    .optional(),
  audio: z
    .strictObject({
      codec: z.string(),
      channels: z.int().min(1),
      sampleRate: z.int().min(1),
      durationSeconds: z.number().min(0),
    })
    .optional(),
  image: z.strictObject({ codec: z.string(), ...size }).optional(),
});

/**
 * What a probe found in a file. `format` is ffmpeg's demuxer name; `width` and `height` are square pixels as displayed
 * (after the rotation, which ffmpeg applies by itself, and with the sample aspect ratio in the width); `rotation` is
 * clockwise; `durationSeconds` is where the last frame or sample ends, measured from the start of the file and read
 * from its packets. A file with one still frame has `image` and no `video`; cover art does not count as video.
 */
export type AssetFacts = z.output<typeof assetFactsSchema>;

/** An asset on this node's disk, ready to be an ffmpeg input. Paths are absolute. */
export interface LocalAsset {
  readonly sha256: string;
  readonly facts: AssetFacts;
  /** The file as it was pinned. */
  readonly path: string;
  /** The sound as 48 kHz stereo pcm_s16le WAV whose sample 0 is the start of the file: present where the file has audio. */
  readonly audioPath?: string;
}

/** The bucket, as far as assets need it. Names are `assets/{sha256}`. */
export interface AssetBucket {
  /** Whether the object exists. */
  has(name: string, signal: AbortSignal): Promise<boolean>;
  /** Stores a file under a name that nobody writes other bytes to. */
  put(name: string, file: { path: string; bytes: number }, signal: AbortSignal): Promise<void>;
  /** The object's bytes; undefined where it does not exist. */
  get(name: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Demuxers that assets may use: containers of one file, never a playlist or a script that names other files. */
const demuxers = [
  'mov,mp4,m4a,3gp,3g2,mj2',
  'matroska,webm',
  'mpegts',
  'avi',
  'wav',
  'mp3',
  'aac',
  'ogg',
  'flac',
  'gif',
  'png_pipe',
  'jpeg_pipe',
  'webp_pipe',
  'bmp_pipe',
];

/** Largest decoded picture, in pixels: 8K, so that a small file cannot make a decoder take gigabytes. */
const maxPixels = 7680 * 4320;

/** Most streams of a file: each is looked at, and only the first of a kind is used. */
const maxStreams = 64;

/**
 * Options for each ffmpeg input that is an asset, before its `-i`: no protocol but local files, no demuxer off the
 * list, no picture above {@link maxPixels}, no more streams than {@link maxStreams}. The path goes in as `file:/path`, so that a colon in it is no protocol.
 */
export const guardedInput = (path: string): string[] => [
  '-protocol_whitelist',
  'file,pipe',
  '-format_whitelist',
  demuxers.join(','),
  '-max_pixels',
  String(maxPixels),
  '-max_streams',
  String(maxStreams),
  '-i',
  `file:${path}`,
];
