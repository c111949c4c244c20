import { describe, expect, it } from 'vitest';
import { pricePresets } from '../../../src/policy/document/prices.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import { baselines } from '../../../src/simulate/baselines.ts';
import { compare } from '../../../src/simulate/compare.ts';
import { makeTrace, workloads } from '../../../src/simulate/workloads/workload.ts';

const presets = Object.keys(pricePresets) as (keyof typeof pricePresets)[];

describe('the default costs at most half as much again as the optimum, and less than copying everything or nothing', () => {
  it.each(workloads.map((workload) => [workload.name, workload] as const))('%s', (_name, workload) => {
    const trace = makeTrace(workload, { videos: 600 });
    for (const preset of presets) {
      const policies = baselines({ ...defaultPolicy, prices: { preset } });
      const { results } = compare(trace, policies, pricePresets[preset]);
      const [auto, everything, nothing] = results.map(({ moneyPerMonth }) => moneyPerMonth);
      expect(results[0]?.timesOptimum, preset).toBeLessThanOrEqual(1.5);
      expect(auto, preset).toBeLessThan(everything ?? 0);
      expect(auto, preset).toBeLessThan(nothing ?? 0);
    }
  });
});
