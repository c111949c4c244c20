import type { TraceHeaders } from '../ops/trace.ts';
import type { Packing } from '../rendition/kind.ts';
import type { PutOutcome } from '../store/bucket.ts';

/** One segment to copy from this node's disk to the bucket. */
export interface CopyTask extends Packing {
  readonly renderId: string;
  readonly rendition: string;
  readonly n: number;
  /** The span that made it. */
  readonly trace?: TraceHeaders | undefined;
}

/**
 * What became of a task. `gone`: the segment is no longer on this disk, so there is nothing to copy. `refused`: it can never be
 * copied (the bucket has other bytes under its name), which the log tells. `withdrawn`: the policy does not want it any more.
 */
export type CopyOutcome = PutOutcome | 'gone' | 'refused' | 'withdrawn';
