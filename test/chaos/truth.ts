import { createHash } from 'node:crypto';
import { audioBoundary, frameBoundary, type Grid, gridOf } from '../../src/grid/grid.ts';
import { parseMoof, type TrackDefaults } from '../../src/segment/moof.ts';
import { boxesIn } from '../../src/segment/reader.ts';

/** What a track is. */
export type TrackKind = 'video' | 'audio';

/**
 * The bytes of each file, as everybody got them: the first who gets one says what the others have to get. Whether that is
 * right is told by the number of its frames, and by what the bucket has in the end.
 */
export interface Truth {
  /** Notes what somebody got under a name. */
  note(name: string, bytes: Uint8Array, who: string): void;
  /** Digest of what was got under a name first. */
  digestOf(name: string): string | undefined;
  /** Names under which there were different bytes, with who got them. */
  readonly conflicts: readonly string[];
  /** Names that were noted. */
  readonly size: number;
}

/** Nothing is known yet. */
export function noTruth(): Truth {
  const known = new Map<string, { digest: string; who: string }>();
  const conflicts: string[] = [];
  return {
    note(name, bytes, who) {
      const digest = digestOf(bytes);
      const first = known.get(name);
      if (first === undefined) known.set(name, { digest, who });
      else if (first.digest !== digest) conflicts.push(`${name}: ${who} got other bytes than ${first.who}`);
    },
    digestOf: (name) => known.get(name)?.digest,
    conflicts,
    get size() {
      return known.size;
    },
  };
}

/** SHA-256. */
export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const padding = Buffer.from([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65]);

/** A segment without what a held answer was kept alive with: empty `free` boxes before the first other one. */
export function withoutPadding(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (padding.equals(bytes.subarray(at, at + padding.length))) at += padding.length;
  return bytes.subarray(at);
}

/** The grid of a video at 25 frames a second. */
export const gridOfSeconds = (seconds: number): Grid => gridOf({ num: 25, den: 1 }, seconds * 25);

/** Frames that segment n has to have: pictures, or AAC frames. */
export function framesIn(grid: Grid, kind: TrackKind, n: number): number {
  const boundary = kind === 'video' ? frameBoundary : audioBoundary;
  return boundary(grid, n + 1) - boundary(grid, n);
}

/** Frames that a segment has, all of whose bytes are there. @throws where it is malformed */
export function framesOf(segment: Uint8Array, defaults: TrackDefaults): number {
  let frames = 0;
  let promised = 0;
  let media = 0;
  for (const { type, payload } of boxesIn(segment)) {
    if (type === 'mdat') media += payload.length;
    if (type !== 'moof') continue;
    const samples = parseMoof(payload, defaults, { position: 0, maxSamples: 100_000 });
    frames += samples.length;
    promised += samples.reduce((sum, { size }) => sum + size, 0);
  }
  if (promised !== media) throw new Error(`${media} bytes of media, where its samples have ${promised}`);
  return frames;
}
