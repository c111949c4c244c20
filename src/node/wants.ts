import { contains, difference, type Ranges, rangesOf, unionOf } from '../catalog/ranges.ts';
import { segmentCount } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import type { TraceHeaders } from '../ops/trace.ts';
import { isStill } from '../render/rendition.ts';
import { segmentsOf } from '../rendition/kind.ts';
import { hasSegment, presentOf } from './demand.ts';
import type { HeldRender } from './held-render.ts';

/**
 * Notes that somebody waits for segment n: of one rendition, or of all that every viewer gets. A segment whose bytes are not
 * here counts as missing even if it was present somewhere: whoever asks has found no place that has it.
 */
export function addWant(
  held: HeldRender,
  n: number,
  names: readonly string[],
  {
    now,
    isHere,
    trace,
  }: { now: number; isHere: (rendition: string) => boolean; trace?: TraceHeaders | undefined },
): void {
  held.trace = trace;
  for (const name of names) {
    const rendition = held.renditions.find((one) => one.name === name);
    if (rendition === undefined || !hasSegment(held, rendition, n)) continue;
    noteAsked(held, name, now);
    if (!isStill(rendition)) held.playhead = n;
    const ranges = presentOf(held, rendition);
    // On the disk and recorded; a segment without its row is asked for by the one who sees only rows.
    if (isHere(name) && contains(ranges, n)) continue;
    held.present.set(name, difference(ranges, [[n, n + 1]]));
    held.presentVersion += 1;
    const want = held.wanted.get(n) ?? { since: now, askedAt: now, renditions: new Set(), trace };
    want.askedAt = now;
    want.renditions.add(name);
    held.wanted.set(n, want);
  }
}

/** Keeps a rendition that is made on demand among those that are made. */
function noteAsked(held: HeldRender, name: string, now: number): void {
  if (!held.eager.has(name)) held.asked.set(name, now);
}

/** Notes that a viewer was served segment n of a rendition: the playhead moves there, unless it was a still. */
export function notePlayed(held: HeldRender, name: string, n: number, now: number): void {
  held.lastDemandAt = now;
  noteAsked(held, name, now);
  const rendition = held.renditions.find((one) => one.name === name);
  if (rendition === undefined || isStill(rendition)) return;
  held.playhead = n;
  held.lastPlayedAt = now;
}

/** @throws SegueError `invalid_request` for a segment or rendition that the render does not have */
export function refuseUnknown(held: HeldRender, n: number, name: string | undefined): void {
  const rendition = held.renditions.find((one) => one.name === name);
  if (name !== undefined && rendition === undefined) {
    throw new SegueError('invalid_request', `There is no rendition ${JSON.stringify(name)} of this render`);
  }
  const count = segmentCount(held.grid);
  const most = rendition === undefined ? count : segmentsOf(rendition, count);
  if (n >= 0 && n < most) return;
  throw new SegueError('invalid_request', `Segment ${n} is outside this render`, {
    hint: `It has segments 0 to ${most - 1}.`,
  });
}

/** Notes that segment n of these renditions exists. */
export function addPresent(held: HeldRender, n: number, names: Iterable<string>): void {
  const want = held.wanted.get(n);
  held.presentVersion += 1;
  for (const name of names) {
    held.present.set(name, unionOf(held.present.get(name) ?? [], rangesOf([n])));
    want?.renditions.delete(name);
  }
  if (want?.renditions.size === 0) held.wanted.delete(n);
}

/** Corrects what is present to what was found; what somebody waits for stays missing, since nobody who has it gave it. */
export function correctPresent(held: HeldRender, found: ReadonlyMap<string, Ranges>): void {
  for (const { name } of held.renditions) {
    const awaited = [...held.wanted].filter(([, want]) => want.renditions.has(name)).map(([n]) => n);
    held.present.set(name, difference(found.get(name) ?? [], rangesOf(awaited)));
  }
}

/** Gives up renditions that only some want, at segment n: they cannot be made. */
export function forgetWant(held: HeldRender, n: number, names: readonly string[]): void {
  const want = held.wanted.get(n);
  for (const name of names) {
    held.asked.delete(name);
    want?.renditions.delete(name);
  }
  if (want?.renditions.size === 0) held.wanted.delete(n);
}

/** Whoever waits asks again every few seconds; a want without that for so long, in milliseconds, is nobody's any more. */
const wantMs = 15_000;

/** Forgets what nobody waits for any more: clients that have gone would otherwise keep the encoders from those who are there. */
export function forgetAbandoned(held: HeldRender, now: number): void {
  for (const [n, { askedAt }] of held.wanted) {
    if (now - askedAt > wantMs && !held.making.has(n)) held.wanted.delete(n);
  }
}
