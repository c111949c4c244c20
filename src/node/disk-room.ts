import { statfsSync } from 'node:fs';

/** How much a node may still write: everything; only what somebody waits for; nothing. */
export type DiskRoom = 'plenty' | 'tight' | 'full';

/** The room on the file system of a folder. */
export interface DiskWatch {
  readonly room: DiskRoom;
  /** Part of the file system that is used, 0 to 1. */
  readonly used: number;
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
  let seen: { readonly at: number; readonly free: number; readonly used: number } | undefined;
  const look = () => {
    if (seen !== undefined && now() - seen.at < freshMs) return seen;
    try {
      const { bsize, blocks, bavail } = statfsSync(folder);
      const used = blocks === 0 ? 0 : 1 - bavail / blocks;
      seen = { at: now(), free: bavail * bsize, used };
    } catch {
      seen = { at: now(), free: Number.POSITIVE_INFINITY, used: 0 };
    }
    return seen;
  };
  return {
    get room() {
      const { free } = look();
      return free < reserve ? 'full' : free < reserve * 2 ? 'tight' : 'plenty';
    },
    get used() {
      return look().used;
    },
    get free() {
      return Math.max(0, look().free - reserve);
    },
  };
}

/**
 * What a disk is when it has so many bytes of a budget. The last of it is left to what is being written: `underWay` bytes, or a few
 * hundredths of the budget where that is more. Room is made below, from the high watermark on.
 */
export function roomWithin(bytes: number, budget: number, underWay: number): DiskRoom {
  const left = Math.max(budget * lastPart, underWay);
  if (bytes >= budget - left) return 'full';
  return bytes >= budget - 2 * left ? 'tight' : 'plenty';
}

const lastPart = 0.03;

const order: readonly DiskRoom[] = ['plenty', 'tight', 'full'];

/** The lesser of two rooms. */
export const lesserRoom = (a: DiskRoom, b: DiskRoom): DiskRoom =>
  order.indexOf(a) > order.indexOf(b) ? a : b;
