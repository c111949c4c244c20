import type { AssetFacts, LocalAsset } from '../asset/asset.ts';
import type { HeldAsset } from '../asset/cache.ts';
import { clipFrames } from '../description/frames.ts';
import type { PinnedDescription, PinnedTimeline } from '../description/schema.ts';
import { aacFrameSamples, type Grid, type SegmentWindow, windowOf } from '../grid/grid.ts';
import { SegueError } from '../ops/errors.ts';
import { makeSegment, type RenderedSegment } from './ffmpeg/encode.ts';
import type { Ffmpeg } from './ffmpeg/find.ts';
import type { RunLimits } from './ffmpeg/run.ts';
import { compileModule } from './module/compile.ts';
import { defaultModuleLimits } from './module/job.ts';
import type { ModuleRegistry } from './module/registry.ts';
import { isStill, type Rendition } from './rendition.ts';
import type { SourcePlan } from './source.ts';
import { compileTimeline } from './timeline/compile.ts';
import { dejavuFonts } from './timeline/font.ts';
import type { TextResources } from './timeline/lettering.ts';
import { textFilesIn } from './timeline/text-files.ts';

/** The files of descriptions, on this node's disk. */
interface AssetSource {
  use(sha256: string, signal: AbortSignal): Promise<HeldAsset>;
}

/** What a renderer is made of. */
export interface RendererParts {
  readonly ffmpeg: Ffmpeg;
  readonly assets: AssetSource;
  readonly modules: ModuleRegistry;
  /** Where the texts of timelines are kept for ffmpeg. */
  readonly folder: string;
  readonly limits?: RunLimits;
  /** Added to ffmpeg's niceness: 0 to 19. */
  readonly niceness?: number;
  /** Is told what each segment took. */
  readonly onSpent?: (spent: SegmentSpent) => void;
}

/** What a segment took that was made. */
export interface SegmentSpent {
  readonly task: RenderTask;
  /** Facts of the files that it shows or sounds, by content hash. */
  readonly files: ReadonlyMap<string, AssetFacts>;
  /** CPU seconds of the processes that made it. */
  readonly seconds: number;
}

/** One segment to make. */
export interface RenderTask {
  readonly description: PinnedDescription;
  readonly grid: Grid;
  readonly n: number;
  readonly renditions: readonly Rendition[];
}

/** Makes segments. Holds nothing between two of them but fonts and texts. */
export interface Renderer {
  /**
   * All renditions of segment n, by name, from one ffmpeg process.
   * @throws SegueError `render_failed`, or what the assets throw; the signal's reason when aborted
   */
  make(task: RenderTask, signal: AbortSignal): Promise<Map<string, RenderedSegment>>;
}

/** Content hashes of the files that a window shows or sounds. Others need not be on this node's disk. */
function filesIn({ tracks, fps }: PinnedTimeline, window: SegmentWindow): Set<string> {
  const lastSample = window.firstSample + window.sampleCount;
  const from = Math.min(window.firstFrame, Math.floor((window.firstSample * fps) / window.sampleRate));
  const to = Math.max(
    window.firstFrame + window.frameCount,
    Math.ceil((lastSample * fps) / window.sampleRate),
  );
  const files = new Set<string>();
  for (const clip of tracks.flatMap(({ clips }) => clips)) {
    const span = clipFrames(clip, fps);
    if ('src' in clip.asset && span.from < to && span.to > from) {
      files.add(clip.asset.src.slice('sha256:'.length));
    }
  }
  return files;
}

/** The files of a window, held on disk until `held` is disposed of. */
async function holdFiles(
  files: ReadonlySet<string>,
  assets: AssetSource,
  held: DisposableStack,
  signal: AbortSignal,
): Promise<Map<string, LocalAsset>> {
  const found = await Promise.allSettled(Array.from(files, (sha256) => assets.use(sha256, signal)));
  for (const result of found) if (result.status === 'fulfilled') held.use(result.value);
  const local = new Map<string, LocalAsset>();
  for (const result of found) {
    if (result.status === 'rejected') throw result.reason;
    local.set(result.value.asset.sha256, result.value.asset);
  }
  return local;
}

/**
 * What has to be generated for these renditions of segment n: all of it, or, where they are stills of one frame, that frame
 * with a little sound. The frame is the same either way: a plan's frames depend on their own number alone.
 */
function sourceWindow(grid: Grid, n: number, renditions: readonly Rendition[]): SegmentWindow {
  const window = windowOf(grid, n);
  const stills = renditions.filter(isStill);
  const frames = new Set(stills.map(({ frame }) => frame));
  if (stills.length < renditions.length || frames.size !== 1) return window;
  const offset = frames.has('last') ? window.frameCount - 1 : 0;
  return {
    ...window,
    firstFrame: window.firstFrame + offset,
    frameCount: 1,
    sampleCount: Math.min(window.sampleCount, aacFrameSamples),
  };
}

/** What is kept while a segment is made. */
interface Making {
  readonly held: DisposableStack;
  readonly files: Map<string, AssetFacts>;
  /** Adds CPU seconds. */
  readonly add: (seconds: number) => void;
}

/** Joins compilers, assets and ffmpeg. */
export function createRenderer(parts: RendererParts): Renderer {
  const { assets, modules, ffmpeg, limits, niceness, onSpent } = parts;
  const text: TextResources = { font: dejavuFonts(), textFile: textFilesIn(parts.folder) };

  const compile = async (
    description: PinnedDescription,
    window: SegmentWindow,
    { held, files, add }: Making,
    signal: AbortSignal,
  ): Promise<SourcePlan> => {
    if (description.kind === 'module')
      return compileModule(description, window, modules, defaultModuleLimits, add);
    const local = await holdFiles(filesIn(description, window), assets, held, signal);
    for (const { sha256, facts } of local.values()) files.set(sha256, facts);
    const find = (sha256: string): LocalAsset => {
      const asset = local.get(sha256);
      if (asset === undefined) throw new SegueError('internal', `Asset ${sha256} is not at hand`);
      return asset;
    };
    return compileTimeline(description, find, window, text);
  };

  return {
    async make(task, signal) {
      signal.throwIfAborted();
      const { description, grid, n, renditions } = task;
      using held = new DisposableStack();
      let seconds = 0;
      const add = (more: number): void => {
        seconds += more;
      };
      const files = new Map<string, AssetFacts>();
      const window = sourceWindow(grid, n, renditions);
      const plan = await compile(description, window, { held, files, add }, signal);
      const options = { ...(limits && { limits }), ...(niceness !== undefined && { niceness }) };
      const made = await makeSegment(
        { plan, window, grid, n, renditions, ffmpeg, onSpent: add, ...options },
        signal,
      );
      onSpent?.({ task, files, seconds });
      return made;
    },
  };
}
