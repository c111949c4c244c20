import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Prices, pricesOf } from '../../../src/policy/document/prices.ts';
import { readPolicy } from '../../../src/policy/read.ts';
import { optimumOf } from '../../../src/simulate/optimum.ts';
import { simulate } from '../../../src/simulate/run.ts';
import type { Trace, TraceEvent } from '../../../src/simulate/trace.ts';
import { anyTrace } from './any-trace.ts';

const day = 86_400;
/** GB of the one video below. */
const GB = 0.016;

const trace = (events: readonly TraceEvent[]): Trace => ({
  name: 'test',
  seconds: 10 * day,
  nodes: 1,
  diskBytes: 1e9,
  startedAt: 0,
  videos: [
    {
      id: 'v',
      labels: [],
      seconds: 16,
      size: 720,
      segments: 16,
      cpuSeconds: 3600,
      renditions: [{ name: '720p', kind: 'video', bytes: GB * 1e9 }],
    },
  ],
  events,
});

test('the optimum is what trying everything finds', () => {
  const prices = {
    ...pricesOf({ preset: 'own-hardware' }),
    storedGbMonth: 0.5,
    diskGbMonth: 1,
    cpuHour: 0.01,
  };
  const times = fc.array(fc.integer({ min: 0, max: 9 * day }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 9 * day }), (at, lossAt) => {
      const views = at.toSorted((a, b) => a - b);
      const events = [
        ...views.map((time): TraceEvent => ({ kind: 'view', at: time, video: 0, from: 0, to: 16 })),
        { kind: 'loss', at: lossAt + 0.5, node: 0, seconds: 60 } as const,
      ].toSorted((a, b) => a.at - b.at);
      const [stored, rented, served] = [prices.storedGbMonth, prices.diskGbMonth, prices.nodeGbOut];
      const fromBucket = GB * prices.bucketGbOut + 0.016 * prices.perThousandGets;
      const copying = 0.016 * prices.perThousandPuts + GB * (prices.copiedGb + (4 / 3600) * prices.cpuHour);
      /** Least cost of what follows a view, for what is on the disk or in the bucket then. */
      const after = (index: number, place: 'disk' | 'bucket'): number => {
        const [now = 0, next] = [views[index], views[index + 1]];
        if (next === undefined) return 0;
        const months = (next - now) / (30 * day);
        const isLost = now <= lossAt && lossAt < next;
        const again = prices.cpuHour + GB * served + after(index + 1, 'disk');
        const inBucket = GB * months * stored + fromBucket + after(index + 1, 'bucket');
        if (place === 'bucket') return Math.min(again, inBucket);
        const onDisk = isLost
          ? Number.POSITIVE_INFINITY
          : GB * months * rented + GB * served + after(index + 1, 'disk');
        return Math.min(again, copying + inBucket, onDisk);
      };
      const expected = prices.cpuHour + GB * served + after(0, 'disk');
      expect(Math.abs(optimumOf(trace(events), prices).total - expected)).toBeLessThan(1e-9);
    }),
    { numRuns: 300 },
  );
});

const amount = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true }));
const anyPrices: fc.Arbitrary<Prices> = fc.record({
  perThousandPuts: amount,
  perThousandGets: amount,
  storedGbMonth: amount,
  bucketGbOut: amount,
  nodeGbOut: amount,
  copiedGb: amount,
  cpuHour: amount,
  diskGbMonth: amount,
});
const anyRule = fc.constantFrom(
  {},
  { copy: { what: 'everything' }, keep: { localSeconds: 3600 } },
  { copy: { what: 'nothing' } },
  { copy: { what: 'nothing', onTrouble: 'as-ever' }, keep: { aheadSeconds: 0 } },
  { copy: { what: 'part', firstSeconds: 20 } },
  { copy: { what: 'everything', when: [{ viewers: 2 }] }, keep: { bucketDays: 3, aheadSeconds: 4 } },
);

test('no policy is below the optimum, whatever happens and whatever it costs', () => {
  fc.assert(
    fc.property(anyTrace, anyPrices, anyRule, (any, prices, rule) => {
      const policy = readPolicy({ prices, default: rule });
      const { total } = simulate(any, policy, prices);
      const ahead = policy.default.keep.aheadSeconds ?? undefined;
      expect(total).toBeGreaterThanOrEqual(optimumOf(any, prices, ahead).total * (1 - 1e-9) - 1e-12);
    }),
    { numRuns: 500 },
  );
});
