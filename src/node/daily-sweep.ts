import { type Finding, tally } from '../catalog/findings.ts';
import type { SweepOptions } from '../copy/sweep.ts';
import { sweepInTurn } from '../copy/sweep-turn.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';
import { findingLog } from './reconciling.ts';

/** What sweeping by itself needs. */
export interface DailySweepOptions {
  readonly sweep: SweepOptions;
  /** Hours after which the bucket is compared again, by whichever node comes first. */
  readonly hours: number;
  readonly onFinding: (finding: Finding) => void;
  /** Called after each sweep of this node. */
  readonly onSwept: () => void;
  readonly random?: () => number;
}

/** Nodes look whether a sweep is due within this time, at random, in milliseconds: one statement each. */
const lookMs = 3_600_000;

/** One look: sweeps where none has ended within the hours, anywhere. The first one only chooses its moment. */
export function dailySweepStep(options: DailySweepOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { sweep, hours, random = Math.random } = options;
  const { log } = sweep;
  const atMost = Math.min(lookMs, hours * 3_600_000);
  let isFirst = true;
  return async (signal) => {
    if (isFirst) {
      isFirst = false;
      return random() * atMost;
    }
    const found = tally(findingLog(log, options.onFinding));
    const outcome = await sweepInTurn(sweep, found, hours * 3600, signal);
    if (outcome.kind === 'swept') {
      log.info(
        { ...outcome.report.examined, uploads: outcome.report.uploads },
        'bucket compared with the rows',
      );
      options.onSwept();
    }
    return (0.5 + random() / 2) * atMost;
  };
}

/** Starts the loop. What fails is not tried again at once: a sweep reads the whole listing. */
export function startDailySweep(options: DailySweepOptions): Loop {
  return startLoop(dailySweepStep(options), {
    name: 'daily sweep',
    intervalMs: lookMs,
    log: options.sweep.log,
    backoffMs: { first: 60_000, longest: lookMs },
  });
}
