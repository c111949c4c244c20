import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { stripOf } from '../../../playlists/overview/strip.ts';
import { SegueError } from '../../ops/errors.ts';
import { ask, read } from '../http.ts';
import { untilStored } from '../make.ts';
import { covered, progressOf } from '../make-progress.ts';
import type { ExitCode, Output } from '../output.ts';
import { startProgress } from '../progress.ts';
import { serverOf, serviceAccess, tokenIfAny } from '../service-access.ts';
import { counted, length, risk } from './figures.ts';
import { oneLine, type Page, standardPage, type Tone } from './page.ts';
import { type OverviewOptions, runOverview } from './run.ts';
import { videosNamed } from './service.ts';
import { videoStates } from './states.ts';
import { drawStrip, stripLegend } from './strip.ts';
import { type Cell, type Column, tableLines } from './table.ts';

/** Options of `segue status VIDEO`, as the command line gives them. */
export interface VideoStatusOptions extends OverviewOptions {
  /** Until everything is in the bucket. */
  readonly wait?: boolean;
}

const ranges = z.array(z.tuple([z.int().min(0), z.int().min(0)]));
/** A video or a stream. */
const schema = z.looseObject({
  id: z.string(),
  url: z.string(),
  state: z.enum(videoStates),
  failure: z.string().nullable(),
  sealed: z.boolean(),
  duration: z.number().nullable().default(null),
  name: z.string().optional(),
  profile: z.string().optional(),
  renditions: z.array(
    z.looseObject({
      name: z.string(),
      kind: z.string(),
      segments: z.int().min(0),
      onDemand: z.boolean().default(false),
      bucket: ranges,
      // Not told to everybody where playback URLs are signed, as is the lease.
      nodes: z.record(z.string(), ranges).optional(),
      absent: ranges,
    }),
  ),
  exposureSeconds: z.number(),
  lease: z.object({ node: z.string(), epoch: z.number() }).nullable().optional(),
});
type VideoStatus = z.output<typeof schema>;

/** What no id of a video or stream is shorter than. */
const idLength = { video: 32, stream: 'stream-'.length + 22 };
const answerMs = 30_000;
/** Between two looks at a stream, in milliseconds. */
const lookMs = 500;
/** Longest wait for a stream, in milliseconds: a day. */
const mostWaitMs = 86_400_000;

/** `segue status VIDEO`: where everything of a video or stream is; an unambiguous beginning of the id is enough. @returns 1 where it has failed, or some of a stream is away */
export const videoStatus = (
  id: string,
  options: VideoStatusOptions,
  output: Output,
  page: Page = standardPage(),
): Promise<ExitCode> =>
  runOverview(options, output, async (signal) => {
    const server = serverOf(options.server);
    const whole = await wholeId(id, options);
    const json = options.json === true;
    const token = await tokenIfAny(options.token);
    const look = (): Promise<VideoStatus> => readVideo(server, whole, token, signal);
    let video = await look();
    if (options.wait === true && video.state !== 'failed') {
      if (video.name === undefined) await untilStored(server, video, json, output, signal);
      else await untilStreamStored(look, video, json, output, signal);
      video = await look();
    }
    if (json) output.out(JSON.stringify({ event: 'video', ...video }));
    else for (const line of videoLines(video, page)) output.out(line);
    return video.state === 'failed' || isAway(video) ? 1 : 0;
  });

/** The token is shown: where playback URLs are signed, others are told less, and no URL that plays. */
async function readVideo(
  server: string,
  id: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<VideoStatus> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const init = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  return read(await ask(`${server}/v1/videos/${encodeURIComponent(id)}`, within, init), schema);
}

/** Lists show the beginning of an id. @throws SegueError `not_found` where none or several begin so */
async function wholeId(id: string, options: VideoStatusOptions): Promise<string> {
  if (id.length >= (id.startsWith('stream-') ? idLength.stream : idLength.video)) return id;
  if (!/^[\w-]+$/.test(id)) throw new SegueError('configuration', `${oneLine(id)} is no id of a video`);
  const named = await videosNamed(await serviceAccess(options), id, 3);
  const [first] = named;
  if (first !== undefined && named.length === 1) return first.id;
  throw new SegueError(
    'not_found',
    `${named.length === 0 ? 'No video has' : 'Several videos have'} an id that begins with ${id}`,
    {
      hint:
        named.length === 0
          ? '`segue videos` lists them.'
          : `As in ${named.map((video) => video.id).join(', ')}.`,
    },
  );
}

/** Segments of a stream that its node has, and nobody can make again. */
const isAway = ({ name, renditions }: VideoStatus): boolean =>
  name !== undefined && renditions.some(({ absent }) => covered(absent) > 0);

async function untilStreamStored(
  look: () => Promise<VideoStatus>,
  begun: VideoStatus,
  json: boolean,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const bar = startProgress(
    '{bar} {percentage}% in the bucket | {total} segments so far | exposed {exposed}',
    !json,
  );
  const end = performance.now() + mostWaitMs;
  let last = '';
  try {
    for (let stream = begun; performance.now() < end; stream = await look()) {
      const { total, rendered, copied, exposureSeconds } = progressOf(stream);
      bar.update(copied, total, { exposed: risk(exposureSeconds) });
      const line = JSON.stringify({ event: 'progress', rendered, copied, total, exposureSeconds });
      if (json && line !== last) output.out(line);
      last = line;
      if (stream.sealed || stream.state === 'failed') return;
      await delay(lookMs, undefined, { signal });
    }
  } finally {
    bar.end();
  }
  throw new SegueError('no_node', `Stream ${begun.id} was not in the bucket within a day`);
}

const tones: Partial<Record<VideoStatus['state'], Tone>> = { failed: 'bad', stored: 'good', live: 'good' };
/** The tone of a state, in lists and elsewhere. */
export const stateTone = (state: VideoStatus['state']): Tone => tones[state] ?? 'strong';

const columns: readonly Column[] = [
  { title: 'RENDITION', least: 6 },
  { title: 'SEGMENTS', right: true },
  { title: 'MADE', right: true },
  { title: 'BUCKET', right: true },
  { title: 'AT NODES', least: 8 },
  { title: 'WHERE', drawn: 40 },
];

/** What `segue status VIDEO` prints. */
export function videoLines(video: VideoStatus, page: Page): string[] {
  const { id, url, state, failure, name, profile, duration, lease, exposureSeconds, renditions } = video;
  const row = (title: string, text: string): string => `${page.paint('quiet', title.padEnd(9))} ${text}`;
  const kind =
    name === undefined
      ? `a video of ${length(duration)}${profile === undefined ? '' : `, profile ${profile}`}`
      : `a stream${name === '' ? '' : `: ${oneLine(name)}`}`;
  const lines = [
    row('id', id),
    row('state', `${page.paint(stateTone(state), state)}, ${kind}`),
    row('play', url),
    ...(lease === undefined
      ? []
      : [row('rendered', lease === null ? 'by nobody now' : `by ${lease.node}, epoch ${lease.epoch}`)]),
    row('exposed', risk(exposureSeconds)),
  ];
  if (failure !== null) lines.push(row('failure', page.paint('bad', oneLine(failure))));
  if (renditions.length === 0) return lines;
  lines.push('', ...tableLines(columns, renditions.map(renditionCells), page), '', stripLegend(page));
  const onDemand = renditions.filter((one) => one.onDemand).length;
  if (onDemand > 0)
    lines.push(page.paint('quiet', `* ${counted(onDemand, 'rendition')} made once somebody asks`));
  return lines;
}

function renditionCells(rendition: VideoStatus['renditions'][number]): Cell[] {
  const { name, segments, bucket, nodes = {}, absent, onDemand } = rendition;
  const made = segments - covered(absent);
  const stored = covered(bucket);
  const at = Object.entries(nodes).map(([node, held]) => `${node} ${covered(held)}`);
  const strip = stripOf([{ bucket, nodes }], segments);
  return [
    `${name}${onDemand ? ' *' : ''}`,
    String(segments),
    String(made),
    { text: String(stored), tone: stored === segments ? 'good' : 'strong' },
    at.join(', ') || '-',
    { draw: (width, page) => drawStrip(strip, width, page) },
  ];
}
