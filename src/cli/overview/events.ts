import type { ExitCode, Output } from '../output.ts';
import { type ServiceAccess, serviceAccess } from '../service-access.ts';
import { follow } from './feed.ts';
import { oneLine, type Page, standardPage, type Tone } from './page.ts';
import { countOf, type OverviewOptions, runOverview } from './run.ts';
import { type Event, readEvents } from './service.ts';
import { eventLevels } from './states.ts';
import { shownId } from './videos.ts';

/** Options of `segue events`, as the command line gives them. */
export interface EventsOptions extends OverviewOptions {
  /** The newest so many. */
  readonly limit: string;
  /** This bad, or worse. */
  readonly level: Event['level'];
  /** And what happens from now on. */
  readonly follow?: boolean;
}

/** Of the API's pages; and so many are kept in all, about. */
const page = { size: 500, most: 40 };
/** Ids of events that were printed, kept so that none is printed twice. */
const mostTold = 2000;

/** `segue events`: what happened to nodes, videos and the policy, the newest last. */
export const events = (
  options: EventsOptions,
  output: Output,
  paper: Page = standardPage(),
): Promise<ExitCode> =>
  runOverview(options, output, async (signal) => {
    const limit = countOf('--limit', options.limit, 0, 20_000);
    const least = eventLevels.indexOf(options.level);
    const access = await serviceAccess(options);
    const isWanted = ({ level }: Event): boolean => eventLevels.indexOf(level) >= least;
    const told = new Set<number>();
    let since = 0;
    /** Prints those that were not, oldest first. */
    const tell = (list: readonly Event[]): void => {
      for (const event of list.toSorted((a, b) => a.id - b.id)) {
        if (told.has(event.id)) continue;
        told.add(event.id);
        since = Math.max(since, event.id);
        const [oldest = 0] = told;
        if (told.size > mostTold) told.delete(oldest);
        if (isWanted(event))
          output.out(
            options.json === true ? JSON.stringify({ event: 'log', ...event }) : eventLine(event, paper),
          );
      }
    };
    if (options.follow === true) since = (await readEvents(access, 1))[0]?.id ?? 0;
    tell(await newest(access, limit, isWanted));
    if (options.follow !== true) return 0;
    let isBroken = false;
    for await (const message of follow(access, signal)) {
      if (message.event === 'open')
        tell((await readEvents(access, page.size)).filter(({ id }) => id > since));
      if (message.event === 'log') tell(message.events);
      // Said once, however long it takes.
      if (message.event === 'broken' && !isBroken) output.err(`${message.why}; trying again`);
      isBroken = message.event === 'broken';
    }
    return 0;
  });

/** The newest so many that are wanted, newest first. */
async function newest(
  access: ServiceAccess,
  limit: number,
  isWanted: (event: Event) => boolean,
): Promise<Event[]> {
  const found: Event[] = [];
  let before: number | undefined;
  for (let read = 0; read < page.most && found.length < limit; read += 1) {
    const more = await readEvents(access, page.size, before);
    found.push(...more.filter(isWanted));
    before = more.at(-1)?.id;
    if (more.length < page.size) break;
  }
  return found.slice(0, limit);
}

const tones = { info: 'quiet', warning: 'raised', error: 'bad' } as const satisfies Record<string, Tone>;
/** So wide a page has room for kinds. */
const withKinds = 110;

/** A line of `segue events`: when, how bad, which video, what. What happened is not cut. */
export function eventLine({ at, level, kind, videoId, text }: Event, paper: Page): string {
  const about = videoId === null ? '' : `${shownId(videoId, paper)}  `;
  const what = (paper.width ?? Infinity) >= withKinds ? `${kind.padEnd(13)}  ` : '';
  return `${momentOf(at)}  ${paper.paint(tones[level], level.padEnd(7))}  ${what}${about}${oneLine(text)}`;
}

/** `11-26 14:02:31`, in local time. */
function momentOf(at: string): string {
  const time = new Date(at);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}
