import { SegueError } from '../ops/errors.ts';
import type { Prices } from '../policy/document/prices.ts';
import type { History } from '../policy/forecast/history.ts';
import { type Comparison, comparing, type NamedPolicies } from './compare.ts';
import { finishInTurns } from './steps.ts';
import type { Trace } from './trace.ts';

/** How much demand one dry run replays at most: about ten seconds of one CPU for each policy. */
export const dryRunBounds = { events: 100_000, videos: 50_000, policies: 4 } as const;

/** How a dry run goes. */
export interface DryRunOptions {
  /** Ends it: its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** What a deployment has learnt of demand by now; default: nothing. */
  readonly seen?: ReadonlyMap<string, History>;
  /** Hears how much is done, 0 to 1. */
  readonly onStep?: (done: number) => void;
}

/**
 * What policies would have done with demand that was recorded, beside the offline optimum: figures, and samples of exposure, bytes and money
 * over time. For servers: it gives others their turn every few hundredths of a second, and is bounded in size. Needs nothing of
 * Node.js. All policies are billed by `prices`. @throws SegueError `too_large` beyond {@link dryRunBounds}
 */
export async function dryRun(
  trace: Trace,
  policies: NamedPolicies,
  prices: Prices,
  options: DryRunOptions = {},
): Promise<Comparison> {
  const sizes = { events: trace.events.length, videos: trace.videos.length, policies: policies.length };
  for (const [what, size] of Object.entries(sizes) as [keyof typeof dryRunBounds, number][]) {
    if (size <= dryRunBounds[what]) continue;
    throw new SegueError('too_large', `A dry run has at most ${dryRunBounds[what]} ${what}, got ${size}`, {
      hint: 'Choose a shorter time; `segue simulate` takes any.',
    });
  }
  return finishInTurns(comparing(trace, policies, prices, options.seen), options);
}
