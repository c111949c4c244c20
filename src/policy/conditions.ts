import type { Condition } from './document/copy.ts';
import { exposureOf, renderedPart } from './exposure.ts';
import type { NodeFacts, VideoFacts } from './facts.ts';
import { figure, percent, seconds, times } from './words.ts';

/** One comparison of a condition: whether it holds, and how it stands, in words. */
interface Comparison {
  readonly holds: boolean;
  readonly words: string;
}

/** What came of looking at conditions: the words of one that holds, or of what each still waits for. */
export interface Awaited {
  readonly holds: boolean;
  readonly words: string;
}

/** Whether one of the conditions holds; none given: at once. `now` in milliseconds since 1970. */
export function lookAt(
  conditions: readonly Condition[],
  video: VideoFacts,
  node: NodeFacts,
  now: number,
): Awaited {
  if (conditions.length === 0) return { holds: true, words: 'at once' };
  const looks = conditions.map((condition) => comparisons(condition, video, node, now));
  const met = looks.find((look) => look.every(({ holds }) => holds));
  if (met !== undefined) return { holds: true, words: met.map(({ words }) => words).join(', ') };
  const waits = looks.map((look) =>
    look
      .filter(({ holds }) => !holds)
      .map(({ words }) => words)
      .join(' and '),
  );
  return { holds: false, words: waits.join('; or ') };
}

function* compared(
  condition: Condition,
  video: VideoFacts,
  node: NodeFacts,
  now: number,
): Generator<Comparison> {
  const { viewers, minutesWatched } = video.demand;
  if (condition.viewers !== undefined) {
    yield {
      holds: viewers >= condition.viewers,
      words: `${times(viewers, 'viewer')} of ${condition.viewers}`,
    };
  }
  if (condition.minutesWatched !== undefined) {
    yield {
      holds: minutesWatched >= condition.minutesWatched,
      words: `${figure(minutesWatched)} of ${figure(condition.minutesWatched)} minutes watched`,
    };
  }
  if (condition.rendered !== undefined) {
    const part = renderedPart(video);
    yield {
      holds: part >= condition.rendered,
      words: `${percent(part)} of ${percent(condition.rendered)} rendered`,
    };
  }
  if (condition.exposureSeconds !== undefined) {
    const exposed = exposureOf(video);
    yield {
      holds: exposed > condition.exposureSeconds,
      words: `${seconds(exposed)} exposed, against ${seconds(condition.exposureSeconds)}`,
    };
  }
  if (condition.idle !== undefined) {
    const { cpu, disk, network } = condition.idle;
    yield {
      holds: node.cpu < cpu && node.disk < disk && node.network < network,
      words: `CPU ${percent(node.cpu)} (idle below ${percent(cpu)}), disk ${percent(node.disk)} (${percent(disk)}), network ${figure(node.network / 1e6)} MB/s (${figure(network / 1e6)})`,
    };
  }
  if (condition.hours !== undefined) {
    const { from, to, zone } = condition.hours;
    const time = timeOfDay(now, zone);
    yield {
      holds: from <= to ? from <= time && time < to : time >= from || time < to,
      words: `${time} in ${zone}, against ${from} to ${to}`,
    };
  }
}

const comparisons = (...args: Parameters<typeof compared>): Comparison[] => [...compared(...args)];

/** One formatter for each zone that policies name; making one is slow. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const mostFormatters = 100;

/** Time of day as `01:30`. */
function timeOfDay(now: number, zone: string): string {
  let format = formatters.get(zone);
  if (format === undefined) {
    if (formatters.size >= mostFormatters) formatters.clear();
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formatters.set(zone, format);
  }
  return format.format(now);
}
