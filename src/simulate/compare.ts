import { copyCpuSecondsPerGb, monthSeconds } from '../policy/cost.ts';
import type { Prices } from '../policy/document/prices.ts';
import type { History } from '../policy/forecast/history.ts';
import type { Policy } from '../policy/policy.ts';
import { type Optimum, optimising } from './optimum.ts';
import type { Bill } from './quantities.ts';
import { type Outcome, simulation } from './run.ts';
import { finish, type Steps, within } from './steps.ts';
import type { Trace } from './trace.ts';
import type { Sample } from './world.ts';

/** What one policy would do with a trace. Money in the currency of the prices, a month of 30 days. */
export interface Result {
  readonly policy: string;
  readonly moneyPerMonth: number;
  /** How many times the offline optimum it costs. */
  readonly timesOptimum: number;
  readonly billPerMonth: Bill;
  readonly bucketRequests: number;
  readonly gbStored: number;
  readonly gbMoved: number;
  readonly cpuSecondsCopying: number;
  readonly cpuSecondsRenderingAgain: number;
  /** Seconds of media whose only copy was one node: on average, and at most. */
  readonly exposureMean: number;
  readonly exposureMost: number;
  readonly viewersInterrupted: number;
  /** Views that began with something that had to be rendered again. */
  readonly coldStarts: number;
  readonly samples: readonly Sample[];
}

/** What several policies would do with one trace. */
export interface Comparison {
  readonly trace: string;
  readonly days: number;
  readonly videos: number;
  readonly views: number;
  /** What whoever knows the future pays, by the month. */
  readonly optimumPerMonth: number;
  /** Of which the first rendering, which nobody can save. */
  readonly optimumRenderingPerMonth: number;
  readonly results: readonly Result[];
}

/** Policies by name. */
export type NamedPolicies = readonly { readonly name: string; readonly policy: Policy }[];

/** Replays a trace against policies. All of them are billed by the same prices, whatever each of them believes. */
export const compare = (trace: Trace, policies: NamedPolicies, prices: Prices): Comparison =>
  finish(comparing(trace, policies, prices));

/** As {@link compare}, in steps. `seen`: as for {@link simulation}. */
export function* comparing(
  trace: Trace,
  policies: NamedPolicies,
  prices: Prices,
  seen?: ReadonlyMap<string, History>,
): Steps<Comparison> {
  const perMonth = monthSeconds / trace.seconds;
  const share = 1 / (policies.length + 1);
  const optimum = yield* within(optimising(trace, prices, leastAhead(policies)), 0, share);
  const results: Result[] = [];
  for (const [index, { name, policy }] of policies.entries()) {
    const from = (index + 1) * share;
    const outcome = yield* within(simulation(trace, policy, prices, seen), from, from + share);
    results.push(resultOf(name, trace, outcome, optimum));
  }
  return {
    trace: trace.name,
    days: trace.seconds / 86_400,
    videos: trace.videos.length,
    views: trace.events.filter(({ kind }) => kind === 'view').length,
    optimumPerMonth: optimum.total * perMonth,
    optimumRenderingPerMonth: optimum.rendering * perMonth,
    results,
  };
}

/** How far ahead of viewers is rendered at least, in seconds, whatever rule of whatever policy holds. */
const leastAhead = (policies: NamedPolicies): number =>
  Math.min(
    ...policies.flatMap(({ policy }) =>
      [...policy.rules, policy.default].map(({ keep }) => keep.aheadSeconds ?? Number.POSITIVE_INFINITY),
    ),
  );

function resultOf(name: string, trace: Trace, outcome: Outcome, optimum: Optimum): Result {
  const { used, bill, total, interrupted, coldStarts, samples } = outcome;
  const perMonth = monthSeconds / trace.seconds;
  const scaled = Object.fromEntries(Object.entries(bill).map(([item, amount]) => [item, amount * perMonth]));
  return {
    policy: name,
    moneyPerMonth: total * perMonth,
    timesOptimum: total / optimum.total,
    billPerMonth: scaled as unknown as Bill,
    bucketRequests: used.puts + used.gets,
    gbStored: (samples.at(-1)?.stored ?? 0) / 1e9,
    gbMoved: used.copiedBytes / 1e9,
    cpuSecondsCopying: (used.copiedBytes / 1e9) * copyCpuSecondsPerGb,
    cpuSecondsRenderingAgain: used.againCpu,
    exposureMean: samples.reduce((sum, { exposure }) => sum + exposure, 0) / Math.max(1, samples.length),
    exposureMost: samples.reduce((most, { exposure }) => Math.max(most, exposure), 0),
    viewersInterrupted: interrupted,
    coldStarts,
    samples,
  };
}
