import fc from 'fast-check';
import type { Trace, TraceEvent, TraceVideo } from '../../../src/simulate/trace.ts';

const part = fc.double({ min: 0, max: 0.999, noNaN: true });

const anyVideo = fc.record({
  seconds: fc.double({ min: 1, max: 600, noNaN: true }),
  segments: fc.integer({ min: 1, max: 40 }),
  cpuSeconds: fc.double({ min: 0, max: 2000, noNaN: true }),
  size: fc.integer({ min: 0, max: 2160 }),
  labels: fc.uniqueArray(fc.constantFrom('clip', 'film'), { maxLength: 2 }),
  renditions: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      kind: fc.constantFrom('video', 'audio'),
      bytes: fc.integer({ min: 0, max: 50_000_000 }),
    }),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  ),
});

const anyEvent = fc.record({
  kind: fc.constantFrom('view', 'view', 'view', 'view', 'loss', 'trouble'),
  at: part,
  which: part,
  from: fc.oneof(fc.constant(0), part),
  to: fc.oneof(fc.constant(1), part),
  seconds: fc.integer({ min: 0, max: 100_000 }),
  viewer: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
});

/** Any small trace: a few videos, views of parts of them, losses and troubles, on disks of any size. */
export const anyTrace: fc.Arbitrary<Trace> = fc
  .record({
    videos: fc.array(anyVideo, { minLength: 1, maxLength: 4 }),
    happens: fc.array(anyEvent, { maxLength: 40 }),
    days: fc.double({ min: 0.01, max: 60, noNaN: true }),
    nodes: fc.integer({ min: 1, max: 3 }),
    diskBytes: fc.integer({ min: 1_000_000, max: 200_000_000 }),
  })
  .map(({ videos, happens, days, nodes, diskBytes }) => {
    const all = videos.map((video, number): TraceVideo => ({ id: `v${number}`, ...video }));
    const seconds = days * 86_400;
    const events = happens.map(({ kind, at, which, from, to, seconds: lasts, viewer }): TraceEvent => {
      const time = at * seconds;
      if (kind !== 'view') return { kind, at: time, node: Math.floor(which * nodes), seconds: lasts };
      const number = Math.floor(which * all.length);
      const length = all[number]?.seconds ?? 1;
      const begin = from * length;
      const end = Math.min(length, Math.max(begin + 0.01, to * length));
      return {
        kind,
        at: time,
        video: number,
        from: begin,
        to: end,
        ...(viewer === undefined ? {} : { viewer }),
      };
    });
    return {
      name: 'any',
      seconds,
      nodes,
      diskBytes,
      startedAt: Date.UTC(2026, 0, 5),
      videos: all,
      events: events.toSorted((a, b) => a.at - b.at),
    };
  });
