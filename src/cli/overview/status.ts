import type { ExitCode, Output } from '../output.ts';
import { type ServiceAccess, serverOf, serviceAccess } from '../service-access.ts';
import { type Condition, conditionsOf, notReady, recentNodes } from './conditions.ts';
import { age, counted, rate, risk, tally } from './figures.ts';
import { oneLine, type Page, standardPage } from './page.ts';
import { type OverviewOptions, runOverview } from './run.ts';
import {
  type Event,
  type Node,
  type Point,
  readEvents,
  readHistory,
  readNodes,
  readReadiness,
  readTrouble,
  type Video,
  videoPages,
} from './service.ts';
import { fitted } from './table.ts';

/** So many of the newest videos are looked at. */
const mostVideos = 5000;
/** Events are read back for an hour, in so many pages at most. */
const events = { pages: 8, ofPage: 500, hourMs: 3_600_000 };
/** Events of the last hour that are printed. */
const mostLately = 5;

/** What there is of everything, and what needs an operator. */
interface Summary {
  readonly url: string;
  readonly nodes: readonly Node[];
  readonly videos: readonly Video[];
  readonly events: readonly Event[];
  readonly point: Point | undefined;
  readonly conditions: readonly Condition[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `segue status`: one screen of how the deployment is. @returns 1 where something needs an operator */
export const status = (
  options: OverviewOptions,
  output: Output,
  page: Page = standardPage(),
): Promise<ExitCode> =>
  runOverview(options, output, async () => {
    const readiness = await readReadiness(serverOf(options.server));
    if (!readiness.ready) {
      const condition = notReady(readiness);
      if (options.json === true)
        output.out(JSON.stringify({ event: 'status', ready: false, conditions: [condition] }));
      else for (const line of conditionLines([condition], page)) output.out(line);
      return 1;
    }
    const summary = await readSummary(options);
    if (options.json === true) output.out(JSON.stringify(jsonOf(summary)));
    else for (const line of statusLines(summary, page)) output.out(line);
    return summary.conditions.length > 0 ? 1 : 0;
  });

async function readSummary(options: OverviewOptions): Promise<Summary> {
  const access = await serviceAccess(options);
  const [nodes, history, trouble, recent, videos] = await Promise.all([
    readNodes(access),
    readHistory(access),
    readTrouble(access),
    readLastHour(access),
    readVideos(access),
  ]);
  const now = Date.now();
  const conditions = conditionsOf({ nodes, videos, events: recent, history, trouble, now });
  return { url: access.server, nodes, videos, events: recent, point: history.at(-1), conditions, now };
}

async function readVideos(access: ServiceAccess): Promise<Video[]> {
  const read: Video[] = [];
  for await (const page of videoPages(access, mostVideos)) read.push(...page);
  return read;
}

async function readLastHour(access: ServiceAccess): Promise<Event[]> {
  const read: Event[] = [];
  for (let page = 0; page < events.pages; page += 1) {
    const more = await readEvents(access, events.ofPage, read.at(-1)?.id);
    read.push(...more);
    const oldest = more.at(-1);
    if (more.length < events.ofPage || oldest === undefined) break;
    if (Date.now() - Date.parse(oldest.at) > events.hourMs) break;
  }
  return read;
}

const count = (list: readonly { readonly state: string }[], states: readonly string[]) =>
  Object.fromEntries(states.map((state) => [state, list.filter((one) => one.state === state).length]));
const nodeStates = ['ready', 'draining', 'dead'];
const shownStates = ['failed', 'live', 'rendering', 'waiting', 'rendered', 'stored', 'ended'];

function figuresOf({ nodes, videos, now }: Summary) {
  const live = nodes.filter(({ state }) => state !== 'dead');
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  return {
    nodes: count(recentNodes(nodes, now), nodeStates),
    videos: count(videos, shownStates),
    exposureSeconds: sum(videos.map(({ exposureSeconds }) => exposureSeconds)),
    exposedVideos: videos.filter(({ exposureSeconds }) => exposureSeconds > 0).length,
    copyQueue: sum(live.map(({ load }) => load.copyQueue)),
    copyRate: sum(live.map(({ load }) => load.copyRate ?? 0)),
  };
}

function jsonOf(summary: Summary): object {
  const { point, conditions, url } = summary;
  const answers = point && {
    bucket: point.bucketAnswers,
    node: point.nodeAnswers,
    held: point.heldAnswers,
  };
  return { event: 'status', ready: true, url, ...figuresOf(summary), answers: answers ?? null, conditions };
}

/** What `segue status` prints. */
export function statusLines(summary: Summary, page: Page): string[] {
  const { conditions, point, url, now } = summary;
  const figures = figuresOf(summary);
  const row = (name: string, text: string): string => `${page.paint('quiet', name.padEnd(9))} ${text}`;
  const { bucketAnswers = 0, nodeAnswers = 0, heldAnswers = 0 } = point ?? {};
  const of = summary.videos.length < mostVideos ? '' : ` (of the newest ${mostVideos})`;
  const lines = [
    row('service', `${page.paint('good', 'ready')} at ${url}`),
    row('nodes', tally(figures.nodes)),
    row('videos', tally(figures.videos) + of),
    row(
      'exposed',
      `${risk(figures.exposureSeconds)}${figures.exposedVideos === 0 ? '' : ` of ${counted(figures.exposedVideos, 'video')}`}`,
    ),
    row(
      'copying',
      figures.copyQueue + figures.copyRate === 0
        ? 'nothing'
        : `${rate(figures.copyRate)}, ${counted(figures.copyQueue, 'segment waits', 'segments wait')}`,
    ),
    row(
      'viewers',
      bucketAnswers + nodeAnswers + heldAnswers === 0
        ? 'ask for nothing'
        : `${bucketAnswers.toFixed(1)} segments/s from the bucket, ${nodeAnswers.toFixed(1)} from nodes, ${heldAnswers.toFixed(1)} waited for`,
    ),
  ];
  const isRecent = ({ at, level }: Event): boolean =>
    level !== 'info' && now - Date.parse(at) < events.hourMs;
  const lately = summary.events.filter(isRecent);
  if (lately.length > 0) lines.push('', page.paint('quiet', 'in the last hour'));
  for (const event of lately.slice(0, mostLately)) lines.push(latelyLine(event, now, page));
  if (lately.length > mostLately)
    lines.push(page.paint('quiet', `  and ${lately.length - mostLately} more: segue events`));
  lines.push('', ...conditionLines(conditions, page));
  return lines;
}

function latelyLine({ at, level, text, videoId }: Event, now: number, page: Page): string {
  const about = videoId === null ? '' : `${videoId.slice(0, 12)}: `;
  const line = `  ${age(at, now).padStart(4)}  ${about}${oneLine(text)}`;
  const { width = Infinity } = page;
  return page.paint(level === 'error' ? 'bad' : 'raised', fitted(line, width).trimEnd());
}

function conditionLines(conditions: readonly Condition[], page: Page): string[] {
  if (conditions.length === 0) return [page.paint('good', 'all is well')];
  return conditions.flatMap(({ message, hint }) => [page.paint('bad', `! ${message}`), `  ${hint}`]);
}
