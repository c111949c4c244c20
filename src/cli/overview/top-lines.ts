import { sizeText } from '../size-text.ts';
import { recentNodes } from './conditions.ts';
import { eventLine } from './events.ts';
import { counted, percent, rate, risk, tally } from './figures.ts';
import type { LiveState, LiveVideo } from './live-state.ts';
import { cpuTone, usedTone } from './nodes.ts';
import { oneLine, type Page, type Tone } from './page.ts';
import type { Node } from './service.ts';
import { drawStrip, stripLegend } from './strip.ts';
import { type Cell, type Column, type DrawnCell, fitted, tableLines } from './table.ts';
import { stateTone } from './video-status.ts';
import { shownId } from './videos.ts';

const nodeColumns: readonly Column[] = [
  { title: 'NODE', least: 6 },
  { title: 'STATE' },
  { title: 'CPU', drawn: 24 },
  { title: 'DISK', drawn: 24 },
  { title: 'ENCODERS', drawn: 16 },
  { title: 'LEASES', right: true },
  { title: 'QUEUE', drawn: 16 },
  { title: 'COPIES', right: true },
  { title: 'MEMORY', right: true, from: 110 },
];
const videoColumns: readonly Column[] = [
  { title: 'VIDEO' },
  { title: 'STATE' },
  { title: 'VIEWERS', right: true },
  { title: 'EXPOSED', right: true },
  { title: 'HOLDER', least: 6 },
  { title: 'WHERE', drawn: 80 },
  { title: 'NAME', from: 110, least: 8 },
];
/** Lines that are no rows: head, titles, space, foot. */
const fixed = { lines: 10, events: 3 };

/** A picture of `segue top` for a terminal of so many rows. `now` in milliseconds. */
export function topLines(state: LiveState, rows: number, page: Page, now: number, url: string): string[] {
  const { nodes: all, videos, events, point, broken } = state;
  const nodes = recentNodes(all, now);
  const width = page.width ?? 80;
  const time = new Date(now).toTimeString().slice(0, 8);
  const space = Math.max(4, rows - fixed.lines - fixed.events);
  const shownNodes = nodes.slice(0, Math.max(2, Math.min(nodes.length, space - 3)));
  const shownVideos = videos.slice(0, Math.max(1, space - shownNodes.length));
  const named = shownVideos.some(({ name }) => (name ?? '') !== '');
  const hidden = nodes.length - shownNodes.length;
  const about = broken === undefined ? url : `${url}: ${oneLine(broken)}`;
  const head = fitted(`segue top  ${about}`, width - time.length - 1);
  return [
    `${page.paint(broken === undefined ? 'strong' : 'bad', head)} ${time}`,
    fitted(overall(nodes, videos), width),
    fitted(answers(point), width),
    '',
    ...tableLines(
      nodeColumns,
      shownNodes.map((node) => nodeCells(node, nodes)),
      page,
    ),
    ...(hidden > 0 ? [page.paint('quiet', `  and ${counted(hidden, 'node')} more`)] : []),
    '',
    ...tableLines(
      named ? videoColumns : videoColumns.filter(({ title }) => title !== 'NAME'),
      shownVideos.map((video) => videoCells(video, page)),
      page,
    ),
    '',
    ...events
      .slice(0, fixed.events)
      .map((event) =>
        page.paint(
          event.level === 'info' ? 'quiet' : 'raised',
          fitted(eventLine(event, { width, paint: (_tone, text) => text }), width),
        ),
      ),
    `${stripLegend(page)}   ${page.paint('quiet', 'q ends')}`,
  ];
}

function overall(nodes: readonly Node[], videos: readonly LiveVideo[]): string {
  const live = nodes.filter(({ state }) => state !== 'dead');
  const of = (state: Node['state']): number => nodes.filter((node) => node.state === state).length;
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  const queue = sum(live.map(({ load }) => load.copyQueue));
  const copying = rate(sum(live.map(({ load }) => load.copyRate ?? 0)));
  const watched = videos.filter(({ viewers }) => viewers > 0).length;
  const rendering = videos.filter(({ holder }) => holder !== null).length;
  const exposed = risk(sum(videos.map(({ exposureSeconds }) => exposureSeconds)));
  const states = tally({ ready: of('ready'), draining: of('draining'), dead: of('dead') });
  return `nodes ${states} · videos ${watched} watched, ${rendering} rendering · exposed ${exposed} · to copy ${queue}, ${copying}`;
}

const answers = (point: LiveState['point']): string =>
  point === undefined
    ? ''
    : `segments a second: ${point.bucketAnswers.toFixed(1)} from the bucket, ${point.nodeAnswers.toFixed(1)} from nodes, ${point.heldAnswers.toFixed(1)} waited for`;

/** A bar with its figure at the right. `part` of 1. */
function meter(part: number, text: string, tone: Tone): DrawnCell {
  return {
    draw: (width, page) => {
      const room = Math.max(0, width - Math.max(5, text.length + 1));
      const full = Math.round(Math.min(1, Math.max(0, part)) * room);
      const bar = page.paint(tone, '█'.repeat(full)) + page.paint('quiet', '░'.repeat(room - full));
      return bar + text.padStart(width - room);
    },
  };
}

function nodeCells({ id, state, load }: Node, all: readonly Node[]): Cell[] {
  if (state === 'dead') return [id, { text: state, tone: 'bad' }];
  const longest = Math.max(1, ...all.map((node) => node.load.copyQueue));
  const { cpu, diskUsed, encoders, slots, copyQueue } = load;
  const ofSlots = slots === undefined ? 0 : encoders / Math.max(1, slots);
  return [
    id,
    { text: state, tone: state === 'ready' ? 'good' : 'raised' },
    meter(cpu ?? 0, percent(cpu), cpuTone(cpu)),
    meter(diskUsed ?? 0, percent(diskUsed), usedTone(diskUsed)),
    meter(ofSlots, slots === undefined ? String(encoders) : `${encoders}/${slots}`, 'link'),
    String(load.renders),
    meter(copyQueue / longest, String(copyQueue), 'link'),
    rate(load.copyRate ?? 0),
    sizeText(load.residentBytes),
  ];
}

function videoCells(video: LiveVideo, page: Page): Cell[] {
  const { id, state, viewers, exposureSeconds, holder, strip, name } = video;
  return [
    shownId(id, page),
    { text: state, tone: stateTone(state) },
    viewers === 0 ? '-' : { text: String(viewers), tone: 'strong' },
    exposureSeconds > 0 ? { text: risk(exposureSeconds), tone: 'raised' } : '0',
    holder ?? '-',
    { draw: (width, on) => drawStrip(strip, width, on) },
    oneLine(name ?? ''),
  ];
}
