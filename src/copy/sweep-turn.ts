import { setTimeout as delay } from 'node:timers/promises';
import { type Report, reportSchema, type Tally } from '../catalog/findings.ts';
import { claimSweep, finishSweep, renewSweep } from '../catalog/sweeps.ts';
import { SegueError } from '../ops/errors.ts';
import { startLoop } from '../ops/loop.ts';
import { type SweepOptions, sweepBucket } from './sweep.ts';

/** How asking to sweep ended: done; another one is under way; or one has ended lately enough. */
export type SweepOutcome =
  | { readonly kind: 'swept'; readonly report: Report }
  | { readonly kind: 'running'; readonly nodeId: string }
  | { readonly kind: 'finished'; readonly report: Report | undefined };

/** A sweep whose node is gone is given up after so long, in seconds. */
const turnSeconds = 30;
/** Between two looks at a sweep of another node, in milliseconds. */
const lookMs = 500;

/**
 * Sweeps, unless another node of the deployment does so now, or has done so within the last `freshSeconds`. The turn is a row
 * with a time, extended meanwhile: whoever loses it ends. @throws SegueError `fenced` then, and what {@link sweepBucket} throws
 */
export async function sweepInTurn(
  options: SweepOptions,
  tally: Tally,
  freshSeconds: number,
  signal: AbortSignal,
): Promise<SweepOutcome> {
  const { catalog, nodeId, log } = options;
  const claimed = await claimSweep(catalog.db, nodeId, turnSeconds, freshSeconds);
  if (claimed.kind === 'running') return claimed;
  if (claimed.kind === 'finished')
    return { kind: 'finished', report: reportSchema.safeParse(claimed.report).data };
  const { turn } = claimed;
  const passed = new AbortController();
  const renew = async (): Promise<'idle'> => {
    if (!(await renewSweep(catalog.db, turn, turnSeconds)))
      passed.abort(new SegueError('fenced', 'Another node has begun to compare the bucket with the rows'));
    return 'idle';
  };
  const intervalMs = (turnSeconds * 1000) / 3;
  const renewal = startLoop(renew, { name: 'sweep', intervalMs, log });
  let report: Report | undefined;
  try {
    await sweepBucket(options, tally, turn.at, AbortSignal.any([signal, passed.signal]));
    report = tally.report();
    return { kind: 'swept', report };
  } finally {
    await renewal.stop();
    // What is not ended in good order ends by its time.
    await finishSweep(catalog.db, turn, report).catch((error: unknown) =>
      log.warn({ err: error }, 'the end of a sweep was not noted'),
    );
  }
}

/** Sweeps; where another node does so already, waits for it and gives its report. @throws as {@link sweepInTurn} */
export async function sweepNow(options: SweepOptions, tally: Tally, signal: AbortSignal): Promise<Report> {
  const askedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const outcome = await sweepInTurn(options, tally, (performance.now() - askedAt) / 1000, signal);
    if (outcome.kind !== 'running' && outcome.report !== undefined) return outcome.report;
    await delay(lookMs, undefined, { signal });
  }
}
