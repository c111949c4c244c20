import { contains, type Ranges } from '../catalog/ranges.ts';

/** What the choice of the next segment of one render depends on. Times in milliseconds of one monotonic clock. */
export interface RenderDemand {
  readonly renderId: string;
  /** Number of segments. */
  readonly count: number;
  /** Segments that need no making: what is needed of them is here, in the bucket or on another live node. */
  readonly present: Ranges;
  /** The same, where only what every viewer gets is needed. */
  readonly presentEager: Ranges;
  /** Segments that somebody waits for, with the time of the first request. */
  readonly wanted: ReadonlyMap<number, number>;
  /** The same, where nothing but stills of them is waited for. */
  readonly wantedStills: ReadonlyMap<number, number>;
  /** Segments being made now. */
  readonly making: ReadonlySet<number>;
  /** Segments that failed lately and rest until the time given. */
  readonly resting: ReadonlyMap<number, number>;
  /** Last segment that a viewer asked for; 0 before anybody did. */
  readonly playhead: number;
  /** Whether somebody is playing. */
  readonly watched: boolean;
  /** First segment that is not rendered ahead as long as nobody waits for it. */
  readonly aheadLimit: number;
}

/** One segment to make. `wanted`: somebody waits for it; `stills`: for nothing but stills of it, without which a video plays. */
export interface Work {
  readonly renderId: string;
  readonly n: number;
  readonly wanted: boolean;
  readonly stills?: boolean;
}

/**
 * The next segment to make, over all renders: first what somebody waits for, longest wait first, stills after all others; then,
 * render after render, the next one missing from the playhead on, in play order; then, while somebody plays, what was skipped
 * by seeking. `makingFirst`: somebody waits for the first segment, which is being made, so nothing speculative starts
 * beside it and takes its cores.
 * `makingStills`: awaited stills are, and further ones wait, so that a seek bar never takes every slot.
 */
export function nextWork(
  demands: readonly RenderDemand[],
  now: number,
  { makingFirst, makingStills }: { makingFirst: boolean; makingStills: boolean },
): Work | undefined {
  const wanted = longestWait(demands, now, ({ wanted }) => wanted);
  if (wanted !== undefined) return { ...wanted, wanted: true };
  const stills = makingStills ? undefined : longestWait(demands, now, ({ wantedStills }) => wantedStills);
  if (stills !== undefined) return { ...stills, wanted: true, stills: true };
  return makingFirst ? undefined : nextAhead(demands, now);
}

function longestWait(
  demands: readonly RenderDemand[],
  now: number,
  waitsOf: (demand: RenderDemand) => ReadonlyMap<number, number>,
): { renderId: string; n: number } | undefined {
  let oldest: { work: { renderId: string; n: number }; since: number } | undefined;
  for (const demand of demands) {
    for (const [n, since] of waitsOf(demand)) {
      if (demand.making.has(n) || isResting(demand, n, now)) continue;
      if (oldest !== undefined && oldest.since <= since) continue;
      oldest = { work: { renderId: demand.renderId, n }, since };
    }
  }
  return oldest?.work;
}

function nextAhead(demands: readonly RenderDemand[], now: number): Work | undefined {
  // Watched renders first; among equals the one with the fewest segments in the making.
  const order = [...demands].sort(
    (a, b) => Number(b.watched) - Number(a.watched) || a.making.size - b.making.size,
  );
  for (const demand of order) {
    const n = nextOf(demand, now);
    if (n !== undefined) return { renderId: demand.renderId, n, wanted: false };
  }
  return undefined;
}

/** The next segment of one render that is worth making without anybody waiting for it. */
export function nextOf(demand: RenderDemand, now: number): number | undefined {
  const limit = Math.min(demand.count, demand.aheadLimit);
  const missing = (present: Ranges, from: number, to: number): number | undefined => {
    for (let n = from; n < to; n += 1) {
      if (!contains(present, n) && !demand.making.has(n) && !isResting(demand, n, now)) return n;
    }
    return undefined;
  };
  const next = missing(demand.present, demand.playhead, limit);
  // Nobody goes back for what only a while was asked for.
  return next ?? (demand.watched ? missing(demand.presentEager, 0, demand.playhead) : undefined);
}

const isResting = (demand: RenderDemand, n: number, now: number): boolean =>
  (demand.resting.get(n) ?? 0) > now;

/** An encoder at work. */
export interface Running extends Work {
  readonly startedAt: number;
}

/**
 * Which running encoder gives way when somebody waits for a segment and no slot is free: the youngest speculative one, if it
 * is less than half done by the usual time of a segment (`usualMs`); one that is further is left to finish, because that is
 * quicker than to throw its work away. Awaited segments never give way.
 */
export function encoderToMove(
  running: readonly Running[],
  now: number,
  usualMs: number,
): Running | undefined {
  const youngest = running
    .filter((encoder) => !encoder.wanted)
    .reduce<Running | undefined>(
      (best, encoder) => (best === undefined || encoder.startedAt > best.startedAt ? encoder : best),
      undefined,
    );
  return youngest !== undefined && now - youngest.startedAt < usualMs / 2 ? youngest : undefined;
}
