import { countOf, intersection, unionOf } from '../catalog/ranges.ts';
import { decide } from '../policy/decide.ts';
import { type Prices, pricesOf } from '../policy/document/prices.ts';
import { bytesToFree, evictions, leaving } from '../policy/evict.ts';
import type { History } from '../policy/forecast/history.ts';
import { demandLearner, type Learner } from '../policy/forecast/learner.ts';
import { ruleFor } from '../policy/match.ts';
import type { Policy } from '../policy/policy.ts';
import { newAgenda } from './events.ts';
import { type NodeState, nodeAssumptions, nodeFactsOf, noteLoad } from './nodes.ts';
import { type Bill, billOf, type Quantities, totalOf } from './quantities.ts';
import { finish, type Steps } from './steps.ts';
import type { Trace, TraceEvent } from './trace.ts';
import { factsOf, matchedOf, partsIn, segmentsIn, type VideoState } from './video-state.ts';
import { type Copies, newWorld, restOf, type Sample } from './world.ts';

/** What came of a run. */
export interface Outcome {
  readonly used: Quantities;
  readonly bill: Bill;
  readonly total: number;
  readonly views: number;
  /** Viewers who had to wait for something to be rendered again while they watched. */
  readonly interrupted: number;
  /** Views that began with something that had to be rendered again. */
  readonly coldStarts: number;
  readonly samples: readonly Sample[];
}

/** A video is looked at again after these times without a viewer, in seconds. */
const looks = [900, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 172_800, 345_600, 691_200, 1_382_400];
/** While a rule waits for a time of day, an idle node or exposure it is looked at this often, in seconds, and so many times. */
const clockLooks = { every: 1800, most: 96 };

/** So many things are done in one step: some hundredths of a second. */
const thingsInStep = 200;

type Task =
  | { readonly kind: 'viewed'; readonly video: VideoState; readonly from: number; readonly to: number }
  | {
      readonly kind: 'copied';
      readonly video: VideoState;
      readonly node: NodeState;
      readonly life: number;
      readonly copies: Copies;
    }
  | { readonly kind: 'look'; readonly video: VideoState; readonly look: number; readonly step: number }
  | { readonly kind: 'clock'; readonly video: VideoState; readonly left: number }
  | { readonly kind: 'expire'; readonly video: VideoState; readonly look: number };

/**
 * Replays a trace against a policy, in virtual time, by the same decisions as nodes take. What is simplified: a video is rendered
 * as far as a viewer will need it in the moment in which they begin, and copies go to the bucket one after the other. `prices`:
 * what is paid, whatever the policy believes.
 */
export const simulate = (trace: Trace, policy: Policy, prices: Prices = pricesOf(policy.prices)): Outcome =>
  finish(simulation(trace, policy, prices));

/** Decides by what was seen, which has this demand among it already. */
const learnt = (seen: ReadonlyMap<string, History>): Learner => ({
  ...demandLearner(seen),
  first: () => undefined,
  again: () => undefined,
  reached: () => undefined,
});

/**
 * As {@link simulate}, in steps. `seen`: what is known of demand from the first moment on, as a deployment knows it now; without it,
 * forecasts begin with nothing, and learn.
 */
export function* simulation(
  trace: Trace,
  policy: Policy,
  prices: Prices,
  seen?: ReadonlyMap<string, History>,
): Steps<Outcome> {
  const world = newWorld(trace, prices);
  const forecast = seen === undefined ? demandLearner() : learnt(seen);
  const agenda = newAgenda<Task>();
  const counts = { views: 0, interrupted: 0, coldStarts: 0 };
  const ms = (): number => trace.startedAt + world.now * 1000;
  const facts = (video: VideoState, withQueued = false) =>
    factsOf(video, world.now, trace.startedAt, withQueued);

  const copy = (video: VideoState, looksLeft = clockLooks.most): void => {
    const node = world.holderOf(video);
    // Whatever is decided, there is nothing to copy.
    if (node === undefined || video.exposed === 0) return;
    const { copy: wanted, rule } = decide(
      policy,
      facts(video, true),
      nodeFactsOf(node, world.now),
      forecast,
      ms(),
    );
    if (wanted.length === 0) {
      const isTimed = rule.copy.when.some(
        ({ hours, idle, exposureSeconds }) =>
          hours !== undefined || idle !== undefined || exposureSeconds !== undefined,
      );
      if (isTimed && looksLeft > 0)
        agenda.add(world.now + clockLooks.every, { kind: 'clock', video, left: looksLeft - 1 });
      return;
    }
    let bytes = 0;
    const copies: Copies = wanted.map(({ name, ranges }) => {
      const index = video.renditions.findIndex((one) => one.name === name);
      const rendition = video.renditions[index];
      if (rendition !== undefined) {
        rendition.queued = unionOf(rendition.queued, ranges);
        bytes += countOf(ranges) * rendition.segmentBytes;
      }
      return [index, ranges];
    });
    const rate = Math.min(nodeAssumptions.copyRate, rule.how.bytesPerSecond ?? Number.POSITIVE_INFINITY);
    node.copyingUntil = Math.max(node.copyingUntil, world.now) + bytes / rate;
    noteLoad(node, world.now, 0, bytes);
    agenda.add(node.copyingUntil, { kind: 'copied', video, node, life: node.life, copies });
  };

  const makeRoom = (node: NodeState): void => {
    const bytes = bytesToFree(node.used, trace.diskBytes, policy.disk);
    if (bytes <= 0) return;
    const byId = new Map([...node.videos].map((video) => [video.trace.id, video]));
    const held = [...byId.values()].map((video) => facts(video));
    let shortest = Number.POSITIVE_INFINITY;
    for (const { id, ranges, why } of evictions(policy, held, bytes, forecast, ms())) {
      const video = byId.get(id);
      if (video === undefined) continue;
      if (why === 'cheapest') shortest = Math.min(shortest, world.now - video.lastAt);
      world.drop(video, ranges);
    }
    if (Number.isFinite(shortest)) [node.evictedAfter, node.evictedAt] = [shortest, world.now];
  };

  /** Renders what is nowhere; says whether it had been somewhere. */
  const render = (video: VideoState, span: readonly [number, number]): boolean => {
    const rendered = world.render(video, span);
    if (rendered !== undefined) makeRoom(rendered.node);
    return rendered?.isAgain === true;
  };

  const begin = (event: Extract<TraceEvent, { kind: 'view' }>): void => {
    const video = world.video(event.video);
    if (video === undefined) return;
    const { now } = world;
    const { labels, seconds } = video.trace;
    if (video.views === 0) {
      video.firstAt = now;
      forecast.first(labels, ms() / 1000);
    } else forecast.again(labels, now - video.firstAt, video.views === 1);
    counts.views += 1;
    video.views += 1;
    video.lastAt = now;
    video.look += 1;
    if (event.viewer !== undefined) video.viewers.add(event.viewer);
    video.watchers.push({ from: event.from, since: now, until: now + event.to - event.from });
    const { aheadSeconds } = ruleFor(policy, matchedOf(video, trace.startedAt), ms()).keep;
    const until = aheadSeconds === null ? seconds : Math.min(seconds, event.to + aheadSeconds);
    const wanted = segmentsIn(video.trace, event.from, event.to);
    if (render(video, [wanted[0], segmentsIn(video.trace, event.from, until)[1]])) counts.coldStarts += 1;
    world.serve(video, wanted);
    reach(video, partsIn(video.trace, event.from, event.to)[0], 1);
    copy(video);
    agenda.add(now + event.to - event.from, { kind: 'viewed', video, from: event.from, to: event.to });
  };

  const reach = (video: VideoState, from: number, count: number): void => {
    for (let part = from; part < from + count; part += 1) video.reach[part] = (video.reach[part] ?? 0) + 1;
    forecast.reached(video.trace.labels, from, from + count);
  };

  const end = (video: VideoState, from: number, to: number): void => {
    const [first, last] = partsIn(video.trace, from, to);
    reach(video, first + 1, last - first - 1);
    video.minutesWatched += (to - from) / 60;
    video.lastAt = world.now;
    copy(video);
    agenda.add(world.now + (looks[0] ?? 0), { kind: 'look', video, look: video.look, step: 0 });
    const days = ruleFor(policy, matchedOf(video, trace.startedAt), ms()).keep.bucketDays;
    if (days !== null) agenda.add(world.now + days * 86_400, { kind: 'expire', video, look: video.look });
  };

  const lose = (node: NodeState, seconds: number): void =>
    world.lose(node, seconds, (video, gone) => {
      for (const watcher of video.watchers) {
        if (watcher.until <= world.now) continue;
        const rest = restOf(video, watcher, world.now);
        if (intersection([rest], gone).length === 0) continue;
        counts.interrupted += 1;
        render(video, rest);
      }
      copy(video);
    });

  const look = (video: VideoState, step: number): void => {
    copy(video);
    if (video.renditions.every(({ queued }) => queued.length === 0))
      for (const { ranges } of leaving(policy, facts(video), forecast, ms())) world.drop(video, ranges);
    const [then = 0, next] = [looks[step], looks[step + 1]];
    if (video.node !== undefined && next !== undefined)
      agenda.add(world.now + next - then, { kind: 'look', video, look: video.look, step: step + 1 });
  };

  const perform = (task: Task): void => {
    if (task.kind === 'viewed') end(task.video, task.from, task.to);
    else if (task.kind === 'copied') world.store(task.video, task.copies, task.node.life === task.life);
    else if (task.kind === 'clock') copy(task.video, task.left);
    else if (task.look !== task.video.look) return;
    else if (task.kind === 'look') look(task.video, task.step);
    else world.expire(task.video);
  };

  const happen = (event: TraceEvent): void => {
    if (event.kind === 'view') return begin(event);
    const node = world.nodes[event.node];
    if (node === undefined) return;
    if (event.kind === 'loss') return lose(node, event.seconds);
    node.troubleUntil = world.now + event.seconds;
    for (const video of node.videos) copy(video);
  };

  for (let [done, next] = [0, 0]; ; done += 1) {
    if (done % thingsInStep === 0) yield world.now / trace.seconds;
    const event = trace.events[next];
    const at = Math.min(event?.at ?? Number.POSITIVE_INFINITY, trace.seconds);
    if (agenda.next <= at) {
      world.advance(agenda.next);
      const task = agenda.take();
      if (task !== undefined) perform(task);
    } else {
      world.advance(at);
      if (event === undefined || event.at > trace.seconds) break;
      happen(event);
      next += 1;
    }
  }
  const bill = billOf(world.used, prices);
  return { used: world.used, bill, total: totalOf(bill), ...counts, samples: world.samples };
}
