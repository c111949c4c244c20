import type { ExitCode, Output } from '../output.ts';
import { serviceAccess } from '../service-access.ts';
import { sizeText } from '../size-text.ts';
import { recentNodes } from './conditions.ts';
import { age, counted, percent, rate } from './figures.ts';
import { type Page, standardPage, type Tone } from './page.ts';
import { type OverviewOptions, runOverview } from './run.ts';
import { type Node, readNodes } from './service.ts';
import { type Cell, type Column, tableLines } from './table.ts';

/** Options of `segue nodes`, as the command line gives them. */
export interface NodesOptions extends OverviewOptions {
  /** With those that have been gone for more than an hour. */
  readonly all?: boolean;
}

/** `segue nodes`: every node, and how busy it is. */
export const nodes = (
  options: NodesOptions,
  output: Output,
  page: Page = standardPage(),
): Promise<ExitCode> =>
  runOverview(options, output, async () => {
    const all = await readNodes(await serviceAccess(options));
    const now = Date.now();
    const shown = options.all === true ? all : recentNodes(all, now);
    if (options.json === true) {
      for (const node of shown) output.out(JSON.stringify({ event: 'node', ...node }));
      return 0;
    }
    for (const line of nodeLines(shown, now, page)) output.out(line);
    const hidden = all.length - shown.length;
    if (hidden > 0) output.err(`${counted(hidden, 'node')} gone for over an hour: segue nodes --all`);
    return 0;
  });

const columns: readonly Column[] = [
  { title: 'NODE', least: 8 },
  { title: 'STATE' },
  { title: 'SEEN', right: true },
  { title: 'CPU', right: true },
  { title: 'DISK', right: true },
  { title: 'HELD', right: true, from: 90 },
  { title: 'MEMORY', right: true, from: 100 },
  { title: 'LEASES', right: true },
  { title: 'ENCODERS', right: true },
  { title: 'QUEUE', right: true },
  { title: 'COPIES', right: true },
  { title: 'URL', from: 130, least: 12 },
  { title: 'HOST', from: 110, least: 6 },
  { title: 'PID', right: true, from: 110 },
];

const tones = { ready: 'good', draining: 'raised', dead: 'bad' } as const satisfies Record<string, Tone>;

/** The tone of a part of a disk that is used. */
export const usedTone = (part: number | undefined): Tone =>
  part === undefined || part < 0.75 ? 'good' : part < 0.9 ? 'raised' : 'bad';

/** The tone of a part of the processors that is used: a node that renders may use them all. */
export const cpuTone = (part = 0): Tone => (part < 0.9 ? 'good' : 'raised');

/** What `segue nodes` prints. `now` in milliseconds. */
export function nodeLines(nodes: readonly Node[], now: number, page: Page): string[] {
  if (nodes.length === 0) return ['There are no nodes'];
  return tableLines(
    columns,
    nodes.map((node) => cells(node, now)),
    page,
  );
}

function cells({ id, state, heartbeatAt, load, url, host, pid }: Node, now: number): Cell[] {
  const isDead = state === 'dead';
  const figure = (text: string): string => (isDead ? '-' : text);
  return [
    id,
    { text: state, tone: tones[state] },
    age(heartbeatAt, now),
    isDead ? '-' : { text: percent(load.cpu), tone: cpuTone(load.cpu) },
    isDead ? '-' : { text: percent(load.diskUsed), tone: usedTone(load.diskUsed) },
    sizeText(load.diskBytes),
    figure(sizeText(load.residentBytes)),
    figure(String(load.renders)),
    figure(load.slots === undefined ? String(load.encoders) : `${load.encoders}/${load.slots}`),
    figure(String(load.copyQueue)),
    figure(rate(load.copyRate ?? 0)),
    url,
    host,
    String(pid),
  ];
}
