import type { ExitCode, Output } from '../output.ts';
import { serviceAccess } from '../service-access.ts';
import { age, length, risk } from './figures.ts';
import { oneLine, type Page, standardPage } from './page.ts';
import { countOf, type OverviewOptions, runOverview } from './run.ts';
import { type Video, videoPages } from './service.ts';
import { drawStrip, stripLegend } from './strip.ts';
import { type Cell, type Column, tableLines } from './table.ts';
import { stateTone } from './video-status.ts';

/** Options of `segue videos`, as the command line gives them. */
export interface VideosOptions extends OverviewOptions {
  /** At most so many. */
  readonly limit: string;
  readonly all?: boolean;
  readonly state?: Video['state'];
}

/** `segue videos`: videos and streams, newest first. */
export const videos = (
  options: VideosOptions,
  output: Output,
  page: Page = standardPage(),
): Promise<ExitCode> =>
  runOverview(options, output, async (signal) => {
    const most = options.all === true ? Infinity : countOf('--limit', options.limit, 1, 1_000_000);
    const { state } = options;
    const found: Video[] = [];
    let count = 0;
    // What is not wanted does not count.
    for await (const read of videoPages(
      await serviceAccess(options),
      state === undefined ? most : Infinity,
    )) {
      signal.throwIfAborted();
      const wanted = read
        .filter((video) => state === undefined || video.state === state)
        .slice(0, most - count);
      count += wanted.length;
      if (options.json === true)
        for (const video of wanted) output.out(JSON.stringify({ event: 'video', ...video }));
      else found.push(...wanted);
      if (count >= most) break;
    }
    if (options.json === true) return 0;
    for (const line of videoLines(found, Date.now(), page)) output.out(line);
    if (found.length === most && options.all !== true)
      output.err(`The newest ${most}; --all lists every one, --limit N so many`);
    return 0;
  });

/** So wide a page shows whole ids. */
const wholeIds = 110;
/** A beginning of an id that `segue status` takes. */
const shortId = 12;

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'STATE' },
  { title: 'AGE', right: true },
  { title: 'LENGTH', right: true },
  { title: 'SEGS', right: true, from: 90 },
  { title: 'EXPOSED', right: true },
  { title: 'HOLDER', least: 6 },
  { title: 'AT NODES', from: 130, least: 8 },
  { title: 'WHERE', drawn: 40 },
  { title: 'NAME', from: 100, least: 8 },
];

/** What `segue videos` prints. `now` in milliseconds. */
export function videoLines(videos: readonly Video[], now: number, page: Page): string[] {
  if (videos.length === 0) return ['There are no such videos'];
  const rows = videos.map((video) => cells(video, now, page));
  const named = videos.some(({ name }) => (name ?? '') !== '');
  const shown = named ? columns : columns.filter(({ title }) => title !== 'NAME');
  return [...tableLines(shown, rows, page), ...(page.width === undefined ? [] : [stripLegend(page)])];
}

/** The id as far as there is room for it; a beginning is enough for `segue status`. */
export const shownId = (id: string, { width = Infinity }: Page): string =>
  width >= wholeIds ? id : id.slice(0, id.startsWith('stream-') ? shortId + 3 : shortId);

function cells(video: Video, now: number, page: Page): Cell[] {
  const { id, state, createdAt, duration, segments, exposureSeconds, holder, nodes, strip, name } = video;
  return [
    shownId(id, page),
    { text: state, tone: stateTone(state) },
    age(createdAt, now),
    length(duration),
    String(segments),
    exposureSeconds > 0 ? { text: risk(exposureSeconds), tone: 'raised' } : '0',
    holder ?? '-',
    nodes.join(' ') || '-',
    { draw: (width, on) => drawStrip(strip, width, on) },
    oneLine(name ?? ''),
  ];
}
