import { LRUCache } from 'lru-cache';
import type { CopyOutcome, CopyTask } from '../copy/task.ts';
import type { TraceHeaders } from '../ops/trace.ts';
import { copyRate } from './copy-rate.ts';
import type { MadeSegment } from './make-segment.ts';

/** What a node remembers of single copies, for a while. */
export interface CopyNotes {
  made(segment: MadeSegment): void;
  copied(task: CopyTask, outcome: CopyOutcome, bytes: number): void;
  /** Whether a segment cannot be copied, or left the disk behind our back: it is not queued again and again. */
  readonly isUncopyable: (task: CopyTask) => boolean;
  /** The span that made a segment, where it was made lately. */
  readonly traceOf: (task: CopyTask) => TraceHeaders | undefined;
  /** Bytes a second that were copied lately. */
  readonly bytesPerSecond: number;
}

type Name = Pick<CopyTask, 'renderId' | 'rendition' | 'n'>;
const nameOf = ({ renderId, rendition, n }: Name): string => `${renderId}/${rendition}/${n}`;

/** Starts with nothing known. */
export function copyNotes(): CopyNotes {
  const uncopyable = new LRUCache<string, true>({ max: 10_000, ttl: 600_000 });
  const traces = new LRUCache<string, TraceHeaders>({ max: 1000 });
  const rate = copyRate();
  return {
    made({ renderId, n, renditions, trace }) {
      for (const { name } of renditions) {
        const segment = nameOf({ renderId, rendition: name, n });
        uncopyable.delete(segment);
        if (trace !== undefined) traces.set(segment, trace);
      }
    },
    copied(task, outcome, bytes) {
      if (outcome === 'refused' || outcome === 'gone') uncopyable.set(nameOf(task), true);
      if (outcome === 'stored') rate.add(bytes);
    },
    isUncopyable: (task) => uncopyable.has(nameOf(task)),
    traceOf: (task) => traces.get(nameOf(task)),
    get bytesPerSecond() {
      return rate.perSecond;
    },
  };
}
