import { randomUUID } from 'node:crypto';
import {
  type Finding,
  joinReports,
  openIn,
  type Report,
  type Run,
  type Tally,
  tally,
} from '../catalog/findings.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';

/** What is asked for: to read every file, not only to look at it; to compare the bucket, too. */
export interface ReconcileAsk {
  readonly verify: boolean;
  readonly bucket: boolean;
}

/** What reconciling at a call needs. */
export interface ReconcilingOptions {
  /** Compares this node's disk with the rows. */
  readonly disk: (verify: boolean, tally: Tally, signal: AbortSignal) => Promise<void>;
  /** Compares the bucket with the rows, or waits for who does, and gives the report. */
  readonly bucket: (tally: Tally, signal: AbortSignal) => Promise<Report>;
  readonly log: Log;
  readonly onFinding: (finding: Finding) => void;
}

/** Reconciliation of one node: one run at a time. */
export interface Reconciling {
  /**
   * Begins a run, or joins the one that is under way. @throws SegueError `too_many_requests` where that one does less than is
   * asked for
   */
  start(ask: ReconcileAsk): Run;
  /** The run that is under way, or the last one; undefined before the first. */
  last(): Run | undefined;
  /** Ends what runs. */
  stop(): Promise<void>;
}

/** Findings that are logged one by one in each run: the report has the counts. */
const mostLines = 100;

/** Tells the log of findings, and does not flood it. */
export function findingLog(log: Log, onFinding: (finding: Finding) => void): (finding: Finding) => void {
  let lines = 0;
  return (finding) => {
    onFinding(finding);
    lines += 1;
    if (lines <= mostLines) log.warn({ ...finding }, 'reconciliation has found something');
  };
}

/** Starts with no run. */
export function reconciling({ disk, bucket, log, onFinding }: ReconcilingOptions): Reconciling {
  const ended = new AbortController();
  let current: { readonly look: () => Run; readonly done: Promise<void> } | undefined;

  const begin = (ask: ReconcileAsk): { look: () => Run; done: Promise<void> } => {
    const id = randomUUID();
    const startedAt = new Date().toISOString();
    const told = findingLog(log, onFinding);
    const onDisk = tally(told);
    const inBucket = tally(told);
    let state: Run['state'] = 'running';
    let error: string | null = null;
    let swept: Report | undefined;
    const report = (): Report => joinReports([onDisk.report(), swept ?? inBucket.report()]);

    const sweep = async (): Promise<void> => {
      if (ask.bucket) swept = await bucket(inBucket, ended.signal);
    };
    const parts = async (): Promise<void> => {
      const results = await Promise.allSettled([disk(ask.verify, onDisk, ended.signal), sweep()]);
      const failed = results.find((result) => result.status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    };
    const done = parts().then(
      () => {
        state = 'done';
        const { examined } = report();
        log.info({ ...examined, open: openIn(report()) }, 'reconciled');
      },
      (cause: unknown) => {
        state = 'failed';
        error =
          cause instanceof SegueError ? cause.message : 'Something failed: the log of the node says what';
        if (!ended.signal.aborted) log.error({ err: cause }, 'reconciliation failed');
      },
    );
    return { done, look: () => ({ id, state, ...ask, startedAt, error, report: report() }) };
  };

  return {
    start(ask) {
      ended.signal.throwIfAborted();
      const running = current?.look();
      if (running?.state === 'running') {
        if ((ask.verify && !running.verify) || (ask.bucket && !running.bucket)) {
          throw new SegueError(
            'too_many_requests',
            'This node reconciles already, and less than is asked for',
            {
              hint: 'Ask again once that has ended.',
            },
          );
        }
        return running;
      }
      current = begin(ask);
      return current.look();
    },
    last: () => current?.look(),
    async stop() {
      ended.abort(new SegueError('no_node', 'This node is stopping'));
      await current?.done;
    },
  };
}
