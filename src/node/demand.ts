import type { HeldLease } from '../catalog/leases.ts';
import { contains, difference, intersection, type Ranges, unionOf } from '../catalog/ranges.ts';
import { segmentAt, segmentCount, segmentStart } from '../grid/grid.ts';
import { isStill, type Rendition } from '../render/rendition.ts';
import { segmentsOf } from '../rendition/kind.ts';
import type { HeldRender } from './held-render.ts';
import type { RenderDemand } from './schedule.ts';

/** Somebody counts as watching, or as asking for a rendition, for this long after the last time, in milliseconds: longer than any player's buffer refill. */
export const watchedMs = 30_000;

/** Whether somebody is playing. */
const isWatched = (held: HeldRender, now: number): boolean => now - held.lastPlayedAt < watchedMs;

/** The lease as it is renewed and handed over. */
export const heldLease = (held: HeldRender, now: number): HeldLease => ({
  ...held.lease,
  playhead: held.playhead,
  watchedSeconds: held.wanted.size > 0 ? 0 : isWatched(held, now) ? (now - held.lastPlayedAt) / 1000 : null,
});

/** Whether the rendition has a segment of this number. */
export const hasSegment = (held: HeldRender, rendition: Rendition, n: number): boolean =>
  n < segmentsOf(rendition, segmentCount(held.grid));

/** Segments of a rendition that need no making. */
export const presentOf = (held: HeldRender, { name }: Rendition): Ranges => held.present.get(name) ?? [];

/** Renditions to be made of whatever is made: those that need no asking, and those asked for lately, or since somebody watches. */
function needed(held: HeldRender, now: number): readonly Rendition[] {
  const watched = isWatched(held, now);
  const isAsked = (name: string): boolean => {
    const at = held.asked.get(name);
    return at !== undefined && (watched || now - at < watchedMs);
  };
  return held.renditions.filter(({ name }) => held.eager.has(name) || isAsked(name));
}

/** Segments of which each of these renditions is present, or has none of that number. */
function presentInAll(held: HeldRender, renditions: readonly Rendition[]): Ranges {
  const count = segmentCount(held.grid);
  return renditions
    .map((rendition) => unionOf(presentOf(held, rendition), [[segmentsOf(rendition, count), count]]))
    .reduce((all, ranges) => intersection(all, ranges), [[0, count]] as Ranges);
}

/** Whether everything that every viewer gets exists somewhere. */
export const isMade = (held: HeldRender): boolean => {
  const eager = held.renditions.filter(({ name }) => held.eager.has(name));
  return difference([[0, segmentCount(held.grid)]], presentInAll(held, eager)).length === 0;
};

/** Segments that need no making now, and those that need none even though nobody asked for more than what every viewer gets. */
function presence(held: HeldRender, now: number): { present: Ranges; presentEager: Ranges } {
  return {
    present: presentInAll(held, needed(held, now)),
    presentEager: presentInAll(
      held,
      held.renditions.filter(({ name }) => held.eager.has(name)),
    ),
  };
}

/**
 * What one process makes of segment n: everything needed that no place has, so that its frames are generated once. Two
 * exceptions: where nobody waits for more than stills, they are made in the time of one frame; and what once failed together
 * with a rendition that only some want is tried without it, so that this cannot fail the video.
 */
export function toMake(held: HeldRender, n: number, now: number): readonly Rendition[] {
  const want = held.wanted.get(n);
  const wanted = held.renditions.filter(({ name }) => want?.renditions.has(name) === true);
  const names = new Set([...needed(held, now), ...wanted].map(({ name }) => name));
  const missing = held.renditions.filter(
    (rendition) =>
      names.has(rendition.name) && hasSegment(held, rendition, n) && !contains(presentOf(held, rendition), n),
  );
  if (wanted.length > 0 && wanted.every(isStill)) return missing.filter(isStill);
  const eager = missing.filter(({ name }) => held.eager.has(name));
  return held.failures.apart.has(n) && eager.length > 0 ? eager : missing;
}

/** Segments that somebody waits for, with the time of the first request: those of which nothing but stills is waited for, or the others. */
function wantsOf(held: HeldRender, choose: (stills: boolean) => boolean): Map<number, number> {
  const stills = new Set(held.renditions.filter(isStill).map(({ name }) => name));
  return new Map(
    [...held.wanted]
      .filter(([, { renditions }]) => choose([...renditions].every((name) => stills.has(name))))
      .map(([n, { since }]) => [n, since]),
  );
}

/** How far ahead of the playhead a render is made, in seconds: while somebody plays, and else. */
interface Ahead {
  readonly watchedSeconds: number;
  readonly unwatchedSeconds: number;
}

/** What the scheduler sees of a held render. */
export function demandOf(held: HeldRender, now: number, ahead: Ahead): RenderDemand {
  const count = segmentCount(held.grid);
  const watched = isWatched(held, now);
  const seconds = watched ? ahead.watchedSeconds : ahead.unwatchedSeconds;
  const until = segmentStart(held.grid, 'video', held.playhead) + seconds;
  return {
    renderId: held.row.renderId,
    count,
    ...presence(held, now),
    wanted: wantsOf(held, (stills) => !stills),
    wantedStills: wantsOf(held, (stills) => stills),
    making: new Set(held.making.keys()),
    resting: held.resting,
    playhead: held.playhead,
    watched,
    aheadLimit: Number.isFinite(until) ? Math.min(count, segmentAt(held.grid, until) + 1) : count,
  };
}
