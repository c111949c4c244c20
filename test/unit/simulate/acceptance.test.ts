import { describe, expect, it } from 'vitest';
import { pricePresets } from '../../../src/policy/document/prices.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import { baselines } from '../../../src/simulate/baselines.ts';
import { compare } from '../../../src/simulate/compare.ts';
import { makeTrace, workloads } from '../../../src/simulate/workloads/workload.ts';

const presets = Object.keys(pricePresets) as (keyof typeof pricePresets)[];

describe('on each workload and at all prices the default costs at most half as much again as the optimum, and less than copying everything or nothing', () => {
  it.each(workloads.flatMap((workload) => presets.map((preset) => [workload.name, preset, workload] as const)))(
    '%s, %s',
    { timeout: 300_000 },
    (_name, preset, workload) => {
      const trace = makeTrace(workload, { videos: 1500 });
      const policies = baselines({ ...defaultPolicy, prices: { preset } });
      const { results } = compare(trace, policies, pricePresets[preset]);
      const [auto, everything, nothing] = results;
      if (auto === undefined || everything === undefined || nothing === undefined) throw new Error('no results');
      expect(auto.timesOptimum).toBeLessThanOrEqual(1.5);
      expect(auto.moneyPerMonth).toBeLessThan(nothing.moneyPerMonth);
      expect(auto.moneyPerMonth).toBeLessThan(everything.moneyPerMonth);
    },
  );
});
