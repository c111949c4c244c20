import { statfsSync } from 'node:fs';

/** How much a node may still write: everything; only what somebody waits for; nothing. */
export type DiskRoom = 'plenty' | 'tight' | 'full';

/** The room on the file system of a folder. */
export interface DiskWatch {
  readonly room: DiskRoom;
  /** Free space in bytes, above the reserve; Infinity where nobody tells. */
  readonly free: number;
}

/** A look is believed for so long, in milliseconds. */
const freshMs = 1000;

/**
 * Watches the file system of a folder. Below `reserve` bytes of free space it counts as full, below twice that as tight: rendering
 * pauses before the last byte is written, not at it, and what is least needed pauses first. A file system that does not tell
 * counts as one with room.
 */
export function watchDisk(
  folder: string,
  reserve: number,
  now: () => number = () => performance.now(),
): DiskWatch {
  let seen: { readonly at: number; readonly free: number } | undefined;
  const look = () => {
    if (seen !== undefined && now() - seen.at < freshMs) return seen;
    try {
      const { bsize, bavail } = statfsSync(folder);
      seen = { at: now(), free: bavail * bsize };
    } catch {
      seen = { at: now(), free: Number.POSITIVE_INFINITY };
    }
    return seen;
  };
  return {
    get room() {
      const { free } = look();
      return free < reserve ? 'full' : free < reserve * 2 ? 'tight' : 'plenty';
    },
    get free() {
      return Math.max(0, look().free - reserve);
    },
  };
}

/**
 * Part that `bytes` of segments fill of what segments could fill, 0 to 1. What others have on the same file system is no part of it:
 * room is made by the same measure, so that a disk that is shared is not in trouble before that begins.
 */
export function usedPart(bytes: number, free: number): number {
  // A file system that does not tell counts as one with room.
  if (!Number.isFinite(free)) return 0;
  return bytes + free > 0 ? bytes / (bytes + free) : 1;
}

const lastPart = 0.03;
/** However large segments are: a disk that takes nothing would never learn that they have become smaller. */
const mostPart = 0.5;

/**
 * Bytes of a budget that segments may fill. The last of it is left to what is being written: `underWay` bytes, but at least a few
 * hundredths and at most half of the budget. Watermarks are parts of this: a disk is never full before room is made on it.
 */
export const fillable = (budget: number, underWay: number): number =>
  Number.isFinite(budget)
    ? budget - Math.min(budget * mostPart, Math.max(budget * lastPart, underWay))
    : Number.POSITIVE_INFINITY;

/**
 * What a disk is with so many bytes of the {@link fillable} ones. Room is made from the high watermark on; where that cannot keep up,
 * it is tight half-way from there to full.
 */
export function roomWithin(bytes: number, most: number, { high }: { readonly high: number }): DiskRoom {
  if (bytes >= most) return 'full';
  return bytes >= (most * (1 + high)) / 2 ? 'tight' : 'plenty';
}

const order: readonly DiskRoom[] = ['plenty', 'tight', 'full'];

/** The lesser of two rooms. */
export const lesserRoom = (a: DiskRoom, b: DiskRoom): DiskRoom =>
  order.indexOf(a) > order.indexOf(b) ? a : b;
