import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { readBy } from '../ops/problems.ts';
import { labelSchema, mostLabels } from '../policy/labels.ts';
import type { Trace, TraceEvent, TraceVideo } from './trace.ts';

const time = z.number().min(0).max(1e9);
const length = z.number().positive().max(1e9);

/** The first line of a trace file. */
const headSchema = z.object({
  type: z.literal('trace'),
  version: z.literal(1),
  name: z.string().default('trace'),
  /** When it begins. */
  start: z.iso.datetime({ offset: true }),
  /** Its length. */
  seconds: length,
  nodes: z.int().min(1).max(1000).default(2),
  diskBytes: z.number().min(1_000_000).max(1e18).default(100e9),
});

const renditionSchema = z.object({
  name: z.string().min(1).max(200),
  kind: z.string().max(64).default('video'),
  bytes: z.number().min(0).max(1e15),
});

const lineSchema = z.discriminatedUnion('type', [
  headSchema,
  z.object({
    type: z.literal('video'),
    id: z.string().min(1).max(200),
    labels: z.array(labelSchema).max(mostLabels).default([]),
    seconds: length,
    size: z.number().min(0).max(1e6).default(720),
    segments: z.int().min(1).max(1_000_000),
    cpuSeconds: z.number().min(0).max(1e9),
    renditions: z.array(renditionSchema).min(1).max(64),
  }),
  z.object({
    type: z.literal('view'),
    at: time,
    video: z.string(),
    from: time.default(0),
    to: length,
    viewer: z.string().max(200).optional(),
  }),
  z.object({ type: z.literal('loss'), at: time, node: z.int().min(0), seconds: time.default(900) }),
  z.object({ type: z.literal('trouble'), at: time, node: z.int().min(0), seconds: time.default(300) }),
]);

type Line = z.output<typeof lineSchema>;

/** Lines of one trace at most: what fits into memory. */
const mostLines = 5_000_000;

/**
 * Reads the lines of a trace file: JSON for the trace, its videos, and what happened, in any order after the first
 * (docs/SIMULATION.md). @throws SegueError `invalid_request` with the line
 */
export async function traceOf(lines: AsyncIterable<string>, name: string): Promise<Trace> {
  let head: z.output<typeof headSchema> | undefined;
  const videos: TraceVideo[] = [];
  const numbers = new Map<string, number>();
  const events: TraceEvent[] = [];
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text.trim() === '') continue;
    const where = `${name}, line ${number}`;
    const line = parseLine(text, where);
    if (line.type === 'trace') {
      if (head !== undefined) throw wrong(`${where}: type: only the first line is a trace`);
      head = line;
      continue;
    }
    if (head === undefined) throw wrong(`${where}: the first line has to be {"type": "trace", ...}`);
    if (videos.length + events.length >= mostLines)
      throw wrong(`${where}: a trace has at most ${mostLines} lines`);
    if (line.type === 'video') {
      const { type: _, ...video } = line;
      if (numbers.has(video.id)) throw wrong(`${where}: id: ${video.id} was described before`);
      numbers.set(video.id, videos.length);
      videos.push(video);
    } else events.push(eventOf(line, numbers, videos, head.nodes, where));
  }
  if (head === undefined) throw wrong(`${name} is empty`);
  const { start, seconds, nodes, diskBytes } = head;
  return {
    name: head.name,
    seconds,
    nodes,
    diskBytes,
    startedAt: Date.parse(start),
    videos,
    events: events.filter(({ at }) => at < seconds).toSorted((a, b) => a.at - b.at),
  };
}

function parseLine(text: string, where: string): Line {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong(`${where} is not JSON`, error);
  }
  const { data, problems } = readBy(lineSchema, json, where);
  if (data === undefined) throw wrong(problems.map((problem) => `${where}: ${problem}`).join('; '));
  return data;
}

function eventOf(
  line: Exclude<Line, { type: 'trace' | 'video' }>,
  numbers: ReadonlyMap<string, number>,
  videos: readonly TraceVideo[],
  nodes: number,
  where: string,
): TraceEvent {
  if (line.type !== 'view') {
    const { type, ...rest } = line;
    if (rest.node >= nodes)
      throw wrong(`${where}: node: expected less than ${nodes}, the nodes of the trace, got ${rest.node}`);
    return { kind: type, ...rest };
  }
  const { at, from, to, viewer } = line;
  const video = numbers.get(line.video);
  const facts = videos[video ?? -1];
  if (video === undefined || facts === undefined)
    throw wrong(`${where}: video: no line before this one describes ${line.video}`);
  if (from >= facts.seconds)
    throw wrong(`${where}: from: ${from} is not before the end of the video, ${facts.seconds}`);
  const end = Math.min(facts.seconds, Math.max(to, from + 0.001));
  return { kind: 'view', at, video, from, to: end, ...(viewer === undefined ? {} : { viewer }) };
}

const wrong = (message: string, cause?: unknown): SegueError =>
  new SegueError('invalid_request', message, {
    cause,
    hint: 'docs/SIMULATION.md describes trace files; `segue trace export` writes one.',
  });

/** The lines of a trace file. */
export function* linesOf(trace: Trace): Generator<string> {
  const { name, seconds, nodes, diskBytes, startedAt, videos, events } = trace;
  yield JSON.stringify({
    type: 'trace',
    version: 1,
    name,
    start: new Date(startedAt).toISOString(),
    seconds,
    nodes,
    diskBytes,
  });
  for (const video of videos) yield JSON.stringify({ type: 'video', ...video });
  for (const { kind, ...event } of events) {
    yield JSON.stringify(
      'video' in event ? { type: kind, ...event, video: videos[event.video]?.id } : { type: kind, ...event },
    );
  }
}
