import { z } from '@hono/zod-openapi';
import { countOf, unionOf } from '../../src/catalog/ranges.ts';
import type { ListedVideo } from '../../src/catalog/video-list.ts';
import { gridOf, segmentCount } from '../../src/grid/grid.ts';
import { statusOf } from '../status.ts';
import { streamStatus } from '../stream-status.ts';
import { type StripRun, stripOf, stripSources } from './strip.ts';

/** A video or a stream, as lists show it. */
export const videoRowSchema = z
  .object({
    id: z.string(),
    renderId: z.string(),
    type: z.enum(['video', 'stream']),
    name: z.string().nullable().describe('Of a stream: its name'),
    state: z.enum(['waiting', 'rendering', 'rendered', 'stored', 'failed', 'live', 'ended']),
    createdAt: z.iso.datetime(),
    duration: z.number().nullable().describe('Seconds; null: not known'),
    segments: z.int(),
    exposureSeconds: z.number().describe('Seconds of playable media whose only copy is one node'),
    strip: z
      .array(z.tuple([z.int(), z.enum(stripSources)]))
      .describe(
        'Runs of segments, each up to the one before the given number, by where the worst placed rendition is: absent, one node only, several nodes, the bucket',
      ),
    holder: z.string().nullable().describe('The node that renders it now'),
    nodes: z.array(z.string()).describe('Live nodes that hold some of it'),
  })
  .openapi('VideoRow');

/** A row of a list of videos. */
export type VideoRow = z.output<typeof videoRowSchema>;

/** Computes the row of a video. Copies of nodes that are not live do not count. */
export function videoRow(video: ListedVideo, live: ReadonlySet<string>): VideoRow {
  const { strip, ...facts } = video.frameCount > 0 ? descriptionFacts(video, live) : streamFacts(video, live);
  const holding = video.copies.filter(({ place, segments }) => live.has(place) && segments.length > 0);
  return {
    id: video.videoId,
    renderId: video.renderId,
    createdAt: new Date(video.createdAtUs / 1000).toISOString(),
    holder: video.holder,
    nodes: [...new Set(holding.map(({ place }) => place))].sort(),
    ...facts,
    strip: strip.map(([to, source]) => [to, source]),
  };
}

type Facts = Pick<VideoRow, 'type' | 'name' | 'state' | 'duration' | 'segments' | 'exposureSeconds'> & {
  readonly strip: readonly StripRun[];
};

function descriptionFacts(video: ListedVideo, live: ReadonlySet<string>): Facts {
  const grid = gridOf(video.frameRate, video.frameCount);
  const onDemand = new Set(video.renditions.filter((one) => one.onDemand).map(({ name }) => name));
  const status = statusOf(
    { grid, onDemand, generation: 1, state: video.state, renditions: video.renditions },
    video.copies,
    live,
  );
  const needed = status.renditions.filter(
    ({ kind, onDemand }) => !onDemand && (kind === 'video' || kind === 'audio'),
  );
  const segments = segmentCount(grid);
  return {
    type: 'video',
    name: null,
    state: status.state,
    duration: (video.frameCount * video.frameRate.den) / video.frameRate.num,
    segments,
    exposureSeconds: status.exposureSeconds,
    strip: stripOf(needed, segments),
  };
}

function streamFacts(video: ListedVideo, live: ReadonlySet<string>): Facts {
  const heads = video.renditions.map(({ name }) => {
    const ranges = video.copies.filter(({ rendition }) => rendition === name).map(({ segments }) => segments);
    return { name, count: unionOf(...ranges).at(-1)?.[1] ?? 0 };
  });
  const renditions = streamStatus({ renditions: heads }, video.copies, live);
  const segments = Math.max(0, ...heads.map(({ count }) => count));
  const seconds = video.stream?.segmentSeconds ?? 0;
  // Of the worst rendition, as GET /v1/streams/{id} says, but with a segment's usual length for each.
  const exposed = Math.max(0, ...renditions.map((one) => countOf(one.exposed)));
  return {
    type: 'stream',
    name: video.stream?.name ?? '',
    state: video.state === 'failed' ? 'failed' : (video.stream?.state ?? 'waiting'),
    duration: null,
    segments,
    exposureSeconds: Math.round(exposed * seconds * 1000) / 1000,
    strip: stripOf(
      renditions.filter((_, index) => heads[index]?.count === segments),
      segments,
    ),
  };
}
