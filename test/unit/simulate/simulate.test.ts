import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPolicy } from '../../../src/policy/read.ts';
import { newAgenda } from '../../../src/simulate/events.ts';
import { simulate } from '../../../src/simulate/run.ts';
import type { Trace, TraceEvent } from '../../../src/simulate/trace.ts';

const day = 86_400;

/** One video of 16 seconds, 16 segments, 16 MB and an hour of CPU on two nodes for ten days. */
const trace = (events: TraceEvent[], changed: Partial<Trace> = {}): Trace => ({
  name: 'test',
  seconds: 10 * day,
  nodes: 2,
  diskBytes: 1e9,
  startedAt: Date.UTC(2026, 0, 5),
  videos: [
    {
      id: 'v',
      labels: [],
      seconds: 16,
      size: 720,
      segments: 16,
      cpuSeconds: 3600,
      renditions: [{ name: '720p', kind: 'video', bytes: 16e6 }],
    },
  ],
  events,
  ...changed,
});
const view = (at: number, to = 16, video = 0): TraceEvent => ({ kind: 'view', at, video, from: 0, to });
const run = (events: TraceEvent[], rule: object, changed: Partial<Trace> = {}) =>
  simulate(trace(events, changed), readPolicy({ default: rule }));

test('an agenda gives things out in order of time, and those of one time in the order they came', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
      const agenda = newAgenda<readonly [number, number]>();
      for (const [order, at] of times.entries()) agenda.add(at, [at, order]);
      const taken = times.map(() => agenda.take());
      const sorted = times
        .map((at, order) => [at, order] as const)
        .toSorted(([a, x], [b, y]) => a - b || x - y);
      expect(taken).toEqual(sorted);
      expect(agenda.take()).toBeUndefined();
    }),
  );
});

test('copying everything: each segment is put once, served from the bucket from then on', () => {
  const { used, interrupted, samples } = run([view(0), view(day), view(2 * day, 8)], {
    copy: { what: 'everything' },
  });
  expect(used).toMatchObject({ puts: 16, copiedBytes: 16e6, firstCpu: 3600, againCpu: 0 });
  expect(used).toMatchObject({ gets: 24, nodeBytesOut: 16e6, bucketBytesOut: 24e6 });
  expect(used.storedByteSeconds).toBeCloseTo(16e6 * 10 * day, -8);
  expect(used.diskByteSeconds).toBeCloseTo(16e6 * 10 * day, -7);
  expect(interrupted).toBe(0);
  expect(samples).toHaveLength(240);
  expect(samples.at(-1)).toMatchObject({ exposure: 0, stored: 16e6, disk: 16e6 });
});

test('copying nothing: a lost node has everything rendered again, for the next viewer or the present one', () => {
  const lost: TraceEvent = { kind: 'loss', at: day, node: 0, seconds: 60 };
  const later = run([view(0), lost, view(2 * day)], { copy: { what: 'nothing' } });
  expect(later).toMatchObject({ interrupted: 0, coldStarts: 1 });
  expect(later.used).toMatchObject({ puts: 0, againCpu: 3600, nodeBytesOut: 32e6 });
  const during = run([view(day - 4), lost], { copy: { what: 'nothing' } });
  expect(during).toMatchObject({ interrupted: 1, coldStarts: 0 });
  expect(during.used.againCpu, 'the twelve seconds that were still to come').toBe(2700);
  const stored = run([view(day - 4), lost, view(2 * day)], { copy: { what: 'everything' } });
  expect(stored).toMatchObject({ interrupted: 0, coldStarts: 0 });
});

test('trouble that was told has everything copied before the loss', () => {
  const told: TraceEvent[] = [
    view(0),
    { kind: 'trouble', at: day, node: 0, seconds: 100 },
    { kind: 'loss', at: day + 100, node: 0, seconds: 60 },
    view(2 * day),
  ];
  expect(run(told, { copy: { what: 'nothing' } }).used).toMatchObject({ puts: 16, againCpu: 0, gets: 16 });
  expect(run(told, { copy: { what: 'nothing', onTrouble: 'as-ever' } }).used).toMatchObject({
    puts: 0,
    againCpu: 3600,
  });
});

test('rules: so many viewers, hours, expiry, rendering ahead', () => {
  const three = [view(0), view(100), view(200)];
  expect(run(three, { copy: { what: 'everything', when: [{ viewers: 4 }] } }).used.puts).toBe(0);
  expect(run(three, { copy: { what: 'everything', when: [{ viewers: 3 }] } }).used.gets).toBe(0);
  const night = { copy: { what: 'everything', when: [{ hours: { from: '03:00', to: '04:00' } }] } };
  expect(run([view(0)], night).used.storedByteSeconds / 16e6 / 3600).toBeCloseTo(240 - 3, 0);
  const expiring = { copy: { what: 'everything' }, keep: { bucketDays: 2 } };
  expect(run([view(0), view(day)], expiring).used.storedByteSeconds / 16e6 / day).toBeCloseTo(3, 1);
  expect(run([view(0, 4)], { keep: { aheadSeconds: 2 }, copy: { what: 'nothing' } }).used.firstCpu).toBe(
    3600 * (6 / 16),
  );
});

test('disks stay below their budget, and only the only copy is rendered again', () => {
  const [first] = trace([]).videos;
  if (first === undefined) throw new Error('no video');
  const videos = Array.from({ length: 40 }, (_, number) => ({ ...first, id: `v${number}` }));
  const events = [...videos.keys()].map((number) => view(number * 1000, 16, number));
  const again = [...videos.keys()].map((number) => view(100_000 + number * 1000, 16, number));
  const small = { videos, diskBytes: 80e6, nodes: 1 };
  const nothing = run([...events, ...again], { copy: { what: 'nothing' } }, small);
  expect(Math.max(...nothing.samples.map(({ disk }) => disk))).toBeLessThanOrEqual(80e6);
  expect(nothing.coldStarts).toBeGreaterThan(30);
  const everything = run([...events, ...again], { copy: { what: 'everything' } }, small);
  expect(everything).toMatchObject({ coldStarts: 0, interrupted: 0 });
  expect(Math.max(...everything.samples.map(({ disk }) => disk))).toBeLessThanOrEqual(80e6);
});
