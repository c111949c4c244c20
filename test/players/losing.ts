import { expect } from 'vitest';
import { onNodes } from '../faults/kit.ts';
import { type Cast, play, type Seen, sessionMs } from './cast.ts';
import { type Known, knownOf } from './known.ts';
import type { Player } from './player.ts';
import type { Posted, Stage } from './stage.ts';

/** Milliseconds that a frame takes: two are drawn at once, so 10 is eight times as fast as it plays. */
export const quick = 10;

/** The holder of a video is lost with its disk; after that the last segment can be made. */
export async function loseHolder({ field }: Stage, { id, open }: Posted, cast: Cast): Promise<void> {
  await cast.mark();
  const { lease, renditions } = await field.status(id);
  // A render that is complete is held by nobody any more, but its segments are still on one disk.
  const part = lease?.node ?? Object.keys(renditions[0]?.nodes ?? {})[0] ?? '';
  const pid = await field.lose(part);
  cast.lost(part);
  lost.push(field.stack.restarted(part, pid));
  await open();
}

/** @throws where a node or the bucket has this segment of the picture already */
export async function nobodyHas({ field }: Stage, { id }: Posted, n: number): Promise<void> {
  const { renditions } = await field.status(id);
  const isAbsent = renditions[0]?.absent.some(([from, to]) => from <= n && n < to);
  expect(isAbsent, `nobody has segment ${n}`).toBe(true);
}

/** Nodes that come back; the next scenario begins with all of them. */
const lost: Promise<void>[] = [];

/** Waits until everything that was lost is up again. */
export async function mended(stage: Stage): Promise<void> {
  await Promise.all(lost.splice(0));
  await stage.mended();
}

/** Nothing is copied before the origin is lost. */
export async function lostBeforeCopy(
  stage: Stage,
  players: readonly Player[],
  query: string,
): Promise<Map<string, Seen>> {
  const { field } = stage;
  await field.proxy.fail({ kind: 'refuse' });
  const video = await stage.post(28, quick, { gated: true });
  const late = new AbortController();
  const time = AbortSignal.any([late.signal, AbortSignal.timeout(sessionMs)]);
  const cast = await play(players, `${video.url}${query}`, { options: () => ({ time }) });
  // hlsdemux2 may show nothing of a growing list before it ends, which it does after the loss.
  await cast.past(1, ({ name }) => query === '' || name !== 'GStreamer playbin3');
  await field.reach(video.id, 'some is made', (status) => onNodes(status) >= 5);
  await loseHolder(stage, video, cast);
  // A growing playlist ends when everything is in the bucket.
  await field.proxy.fail(undefined);
  await cast.over(({ name }) => knownOf(name, query === '' ? 'lost' : 'lost-event').some(hangs));
  const timer = setTimeout(() => late.abort(), hangingMs);
  const seen = await cast.seen();
  clearTimeout(timer);
  return seen;
}

/** Those that may never come to the end of a growing list stand still until then, as long after all others as this, in milliseconds. */
const hangingMs = 15_000;
const hangs = ({ known: { misses } }: { known: Known }): boolean => misses.includes('does not reach the end');
