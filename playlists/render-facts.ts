import { z } from 'zod';
import type { RenderRow } from '../src/catalog/videos.ts';
import { type SubtitleTrack, subtitleTracks } from '../src/description/subtitles.ts';
import { type FrameRate, type Grid, gridOf } from '../src/grid/grid.ts';
import type { ListedRendition } from '../src/hls/multivariant.ts';
import { SegueError } from '../src/ops/errors.ts';
import { profileNamed, type Rendition, renditionsOf } from '../src/render/profile.ts';

/** What the service keeps in mind of a render: everything but the description's text and the copies. */
export interface RenderFacts {
  readonly videoId: string;
  readonly renderId: string;
  readonly generation: number;
  readonly profile: string;
  readonly grid: Grid;
  readonly frameRate: FrameRate;
  /** Seconds. */
  readonly duration: number;
  readonly renditions: readonly Rendition[];
  /** Names of those that are made only once somebody asks for them. */
  readonly onDemand: ReadonlySet<string>;
  /** Choices of subtitles; their text is made when it is asked for. */
  readonly subtitles: readonly Omit<SubtitleTrack, 'cues'>[];
  readonly description: DescriptionSummary;
  readonly state: RenderRow['state'];
  readonly failure: string | undefined;
  readonly sealed: boolean;
}

/** What `GET /v1/videos/{id}` tells of a description. */
interface DescriptionSummary {
  readonly kind: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly seed: number;
}

/** Stored descriptions were validated when they were accepted; this reads the parts that playlists need. */
const summarySchema = z.object({
  kind: z.string(),
  size: z.object({ width: z.number(), height: z.number() }),
  seed: z.number().default(0),
});

/**
 * Facts from a row of the catalog.
 * @throws SegueError `internal` for a profile that this version does not know
 */
export function factsOf(row: RenderRow): RenderFacts {
  const profile = profileNamed(row.profile);
  if (profile === undefined)
    throw new SegueError('internal', `This version knows no profile "${row.profile}"`);
  const rows = new Map(row.renditions.map((rendition) => [rendition.name, rendition]));
  const stored: unknown = JSON.parse(row.description);
  const description = summarySchema.parse(stored);
  return {
    videoId: row.videoId,
    renderId: row.renderId,
    generation: row.generation,
    profile: profile.name,
    grid: gridOf(row.frameRate, row.frameCount),
    frameRate: row.frameRate,
    duration: (row.frameCount * row.frameRate.den) / row.frameRate.num,
    renditions: renditionsOf({ ...description.size, frameRate: row.frameRate }, profile).filter(({ name }) =>
      rows.has(name),
    ),
    onDemand: new Set(row.renditions.flatMap(({ name, onDemand }) => (onDemand === true ? [name] : []))),
    subtitles: subtitleTracks(stored).map(({ name, title, language }) => ({ name, title, language })),
    description,
    state: row.state,
    failure: row.failure ?? undefined,
    sealed: row.sealedAt !== null,
  };
}

/** Name of a rendition in URLs: a later generation is told apart, so that a URL never changes its bytes. */
export function pathOf(facts: Pick<RenderFacts, 'generation'>, rendition: string): string {
  return facts.generation === 1 ? rendition : `${rendition}~${facts.generation}`;
}

/** Reads a rendition's name in a URL. Undefined for what {@link pathOf} never makes. */
export function parsePath(path: string): { rendition: string; generation: number } | undefined {
  const match = /^([a-z0-9]{1,32})(?:~([1-9]\d{0,5}))?$/.exec(path);
  if (match === null || match[2] === '1') return undefined;
  return { rendition: match[1] ?? '', generation: Number(match[2] ?? 1) };
}

/** A rendition as the multivariant playlist lists it, with its bounds for rates. */
export function listed(facts: RenderFacts, rendition: Rendition): ListedRendition {
  const path = pathOf(facts, rendition.name);
  const { codecs, bandwidth, averageBandwidth } = rendition;
  const common = { path, codecs, bandwidth, averageBandwidth };
  if (rendition.kind === 'audio') return { ...common, kind: 'audio', channels: 2 };
  const { kind, width, height } = rendition;
  return { ...common, kind, width, height };
}
