import { countOf } from '../catalog/ranges.ts';
import type { Weighed } from './auto.ts';
import { type Decision, decide, type Why } from './decide.ts';
import { exposureOf } from './exposure.ts';
import type { NodeFacts, RenditionRanges, VideoFacts } from './facts.ts';
import { allVideos, type Forecast } from './forecast/learner.ts';
import type { Policy } from './policy.ts';
import { figure, money, seconds, times } from './words.ts';

/** A decision in words: what is decided, by which rule, from which figures, and what would change it. */
export interface Explanation {
  readonly decision: Decision;
  readonly rule: string;
  readonly what: string;
  /** The figures, one sentence each. */
  readonly because: readonly string[];
  readonly wouldChange: readonly string[];
}

/** Decides, and says why. `now` in milliseconds since 1970. */
export function explain(
  policy: Policy,
  video: VideoFacts,
  node: NodeFacts,
  forecast: Forecast,
  now: number,
): Explanation {
  const decision = decide(policy, video, node, forecast, now);
  const { rule, chosen, why } = decision;
  return {
    decision,
    rule: rule.name,
    what: whatOf(chosen, video),
    because: [
      ...becauseOf(why, video),
      `${seconds(exposureOf(video))} of it have their only copy on this node`,
    ],
    wouldChange: changesOf(policy, video, node, forecast, now, decision),
  };
}

function whatOf(chosen: readonly RenditionRanges[], { renditions }: VideoFacts): string {
  const parts = chosen.flatMap(({ name, ranges }) => {
    const all = renditions.find((one) => one.name === name)?.segments ?? 0;
    const count = countOf(ranges);
    return count === 0 ? [] : [count === all ? `all of ${name}` : `${count} of ${all} segments of ${name}`];
  });
  return parts.length === 0 ? 'nothing is copied now' : `to be in the bucket: ${parts.join(', ')}`;
}

function becauseOf(why: Why, video: VideoFacts): string[] {
  switch (why.kind) {
    case 'trouble':
      return [`the node may not last (${why.trouble}): everything is copied at once`];
    case 'irreplaceable':
      return ['nobody could render it again: everything is copied at once, whatever the rule says'];
    case 'nothing':
      return ['the rule has nothing copied; what is lost is rendered again'];
    case 'expired':
      return [
        `nobody has watched it for ${times(why.days, 'day')}: it leaves the bucket, and is not copied again`,
      ];
    case 'rule':
      return [
        why.awaited.holds ? `a condition holds: ${why.awaited.words}` : `it waits: ${why.awaited.words}`,
      ];
    case 'auto':
      return autoWords(why, video);
  }
}

/** The figures of all parts together, and where they differ, of those that are worth a copy. */
function autoWords(why: Extract<Why, { kind: 'auto' }>, video: VideoFacts): string[] {
  const { parts, label, learntFrom, horizon } = why;
  const sum = (of: (part: Weighed) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const worth = parts.filter(({ isWorth }) => isWorth).length;
  const kind = label === allVideos ? 'all videos' : `videos labelled ${label}`;
  const mean = sum(({ views }) => views) / parts.length;
  return [
    `${worth === parts.length ? 'every part' : `${worth} of ${parts.length} parts`} of it ${worth === 1 || worth === parts.length ? 'is' : 'are'} worth a copy`,
    `price of a copy, stored for ${seconds(horizon)}: ${money(sum(({ price }) => price))}`,
    `spent without one: ${money(sum(({ spent }) => spent))} (${times(video.demand.reach[0] ?? 0, 'view')}, ${seconds(video.againCpuSeconds)} of CPU rendering it again)`,
    `expected with a copy now: ${money(sum(({ now }) => now))}; waiting for the next viewer first: ${money(sum(({ later }) => later))}; never copying: ${money(sum(({ never }) => never))}`,
    `${figure(Number(mean.toPrecision(2)))} further views are expected in ${seconds(horizon)}, as of ${kind} (${figure(learntFrom)} seen)`,
  ];
}

/** Further views that are tried, to see whether they would change the decision. */
const mostViews = 4096;

function changesOf(
  policy: Policy,
  video: VideoFacts,
  node: NodeFacts,
  forecast: Forecast,
  now: number,
  { rule, why, chosen }: Decision,
): string[] {
  const changes: string[] = [];
  if (why.kind === 'auto' && why.parts.some(({ isWorth }) => !isWorth)) {
    const isAll = (views: number): boolean => {
      const { why: then } = decide(policy, withViews(video, views), node, forecast, now);
      return then.kind === 'auto' && then.parts.every(({ isWorth }) => isWorth);
    };
    const views = leastOf(isAll);
    changes.push(
      views === undefined
        ? `not even ${mostViews} further views: a copy costs more than it saves`
        : `${times(views, 'further whole view')} now: then all of it is worth a copy`,
    );
  }
  if (why.kind === 'rule' && !why.awaited.holds) changes.push(`any of: ${why.awaited.words}`);
  if (why.kind === 'trouble') changes.push('the end of the trouble, for what is not copied by then');
  else if (rule.copy.onTrouble === 'everything' && chosen.length === 0)
    changes.push(
      'trouble of the node (draining, a full disk, failures, expected trouble): everything is copied then',
    );
  if (why.kind !== 'irreplaceable') changes.push(`another rule: \`segue policy set\` changes ${rule.name}`);
  return changes;
}

const withViews = (video: VideoFacts, views: number): VideoFacts => ({
  ...video,
  demand: { ...video.demand, reach: video.demand.reach.map((reached) => reached + views) },
});

/** The least number for which it holds, if it holds for all beyond; undefined: for none up to the most. */
function leastOf(holds: (count: number) => boolean): number | undefined {
  if (!holds(mostViews)) return undefined;
  let [low, high] = [0, mostViews];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** An explanation as lines for a terminal. */
export const explanationLines = ({
  rule,
  what,
  because,
  wouldChange,
}: Omit<Explanation, 'decision'>): string[] => [
  what,
  `by rule: ${rule}`,
  'because:',
  ...because.map((reason) => `  ${reason}`),
  'what would change it:',
  ...wouldChange.map((change) => `  ${change}`),
];
