import type { Answers } from '../../src/catalog/history.ts';

/** Segments answered since the last look, by kind of source. */
export interface AnswerCounts {
  /** Counts an answer; `source` as in the log: `bucket`, `held`, `catalog` (which is not counted), or the id of a node. */
  add(source: string | undefined): void;
  counts(): Answers;
  /** Takes away what has been written down. */
  subtract(written: Answers): void;
}

/** Counts from nothing. */
export function answerCounts(): AnswerCounts {
  let counts: Answers = { bucket: 0, node: 0, held: 0 };
  return {
    add(source) {
      if (source === undefined || source === 'catalog') return;
      const kind = source === 'bucket' || source === 'held' ? source : 'node';
      counts = { ...counts, [kind]: counts[kind] + 1 };
    },
    counts: () => counts,
    subtract({ bucket, node, held }) {
      counts = { bucket: counts.bucket - bucket, node: counts.node - node, held: counts.held - held };
    },
  };
}
