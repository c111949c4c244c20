import type { HowRule } from '../policy/document/how.ts';

/** How one segment gets to the bucket, and before which others. */
export interface CopyHow extends Omit<HowRule, 'priority'> {
  /** Rules are lanes: the bounds of each hold for everything in it together. */
  readonly lane: string;
  /** Goes before everything else, and waits for nothing. */
  readonly isUrgent: boolean;
  /** Higher ones go first. */
  readonly priority: number;
  /** Of equal priority lower ones go first. */
  readonly order: number;
}

/** What is copied without a rule: at once, as fast as it goes. */
export const plainHow: CopyHow = {
  lane: '',
  isUrgent: false,
  priority: 0,
  order: 0,
  concurrency: null,
  bytesPerSecond: null,
  cpuCeiling: 1,
  partBytes: 8 * 1024 * 1024,
  storageClass: null,
  tags: {},
};
