import type { Match } from './document/match.ts';
import { defaultRuleName, type Rule } from './document/rule.ts';
import type { VideoFacts } from './facts.ts';
import type { Policy } from './policy.ts';

/** What rules look at. */
export type Matched = Pick<VideoFacts, 'labels' | 'size' | 'seconds' | 'createdAt' | 'cpuSeconds'>;

/** The rule that holds for a video: the first that matches, else the last. `now` in milliseconds since 1970. */
export function ruleFor(policy: Policy, video: Matched, now: number): Rule {
  return (
    policy.rules.find(({ match }) => matches(match, video, now)) ?? {
      ...policy.default,
      name: defaultRuleName,
    }
  );
}

/** Whether everything that is given holds. */
function matches({ labels, size, duration, renderCost, age }: Match, video: Matched, now: number): boolean {
  return (
    (labels === undefined || labels.some((label) => video.labels.includes(label))) &&
    isWithin(size, video.size) &&
    isWithin(duration, video.seconds) &&
    isWithin(renderCost, video.seconds > 0 ? video.cpuSeconds / video.seconds : 0) &&
    isWithin(age, Math.max(0, now - video.createdAt) / 1000)
  );
}

function isWithin(span: Match['size'], figure: number): boolean {
  return span === undefined || ((span.from ?? 0) <= figure && figure < (span.to ?? Number.POSITIVE_INFINITY));
}
