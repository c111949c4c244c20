import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { quantised } from './frames.ts';
import { pathText } from './parse.ts';

export type { PinnedDescription } from './schema.ts';

import {
  type ClipAsset,
  type Description,
  limits,
  type ModuleDescription,
  type PinnedAsset,
  type PinnedDescription,
  type PinnedSrc,
  type TimelineDescription,
} from './schema.ts';

const timed = z.looseObject({ durationSeconds: z.number().min(0) });

/** A file as whoever fetched it describes it: which of `image`, `video` and `audio` it has, how long. Other facts pass through unread. */
export const pinnedFileSchema = z.looseObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  image: z.looseObject({}).optional(),
  video: timed.optional(),
  audio: timed.optional(),
});

/** A file that was fetched and named by content; the asset folder's `AssetFacts` are one. */
type PinnedFile = Pick<z.output<typeof pinnedFileSchema>, 'sha256' | AssetUse>;

/** What a file is used as; the types of assets that have a `src`. */
type AssetUse = 'image' | 'video' | 'audio';

/** Whoever can fetch files and knows the modules. Both functions throw SegueError (`asset_refused`, `unknown_asset`, ...) where they cannot. */
export interface PinPort {
  /** Fetches a file, keeps it, and says what it is. Called once for each different `src`. */
  asset(src: string, signal: AbortSignal): Promise<PinnedFile>;
  /** SHA-256 of a registered module, 64 hex digits. */
  module(name: string, signal: AbortSignal): Promise<string>;
}

/** Files fetched at the same time for one description. */
const atOnce = 4;

/** An asset that has a file. */
type FileAsset = Extract<ClipAsset, { src: string }>;

/** An asset that uses a file, and where it stands. */
interface FileUse {
  asset: FileAsset;
  path: readonly PropertyKey[];
}

/** The assets of a description that use files, by `src`. */
function wantedFiles(description: TimelineDescription): Map<string, FileUse[]> {
  const wanted = new Map<string, FileUse[]>();
  for (const [trackIndex, { clips }] of description.tracks.entries()) {
    for (const [clipIndex, { asset }] of clips.entries()) {
      if (!('src' in asset)) continue;
      const path = ['tracks', trackIndex, 'clips', clipIndex, 'asset'];
      wanted.set(asset.src, [...(wanted.get(asset.src) ?? []), { asset, path }]);
    }
  }
  return wanted;
}

/** What is wrong with using a file so, as `path: message`; nothing where it can be. */
function useProblems(file: PinnedFile, { asset, path }: FileUse): string[] {
  const problem = (field: string, message: string): string[] => [`${pathText([...path, field])}: ${message}`];
  if (file[asset.type] === undefined) {
    const has = (['image', 'video', 'audio'] as const).filter((kind) => file[kind] !== undefined);
    const instead = `use it as type "${has[0] ?? 'audio'}"`;
    return problem('src', `the file has no ${asset.type}, only ${has.join(' and ')}; ${instead}`);
  }
  if (asset.type === 'image') return [];
  const ends = file[asset.type]?.durationSeconds ?? 0;
  const end = `its ${asset.type} ends at ${Number(ends.toFixed(3))} s`;
  if (asset.from >= ends) return problem('from', `${end}; begin earlier, got ${asset.from}`);
  if (asset.loop && ends - asset.from < limits.shortestLoop) {
    return problem(
      'loop',
      `${end}, and less than ${limits.shortestLoop} s cannot be repeated; begin earlier or do not loop`,
    );
  }
  return [];
}

/** The problem text of an error that is the description's fault; anything else (the bucket is away, say) is thrown on. */
function problemOf(error: unknown, path: readonly PropertyKey[]): string {
  if (!(error instanceof SegueError) || error.retryable || error.code === 'internal') throw error;
  return `${pathText(path)}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`;
}

async function pinFiles(
  wanted: ReadonlyMap<string, readonly FileUse[]>,
  pin: PinPort,
  signal: AbortSignal,
): Promise<Map<string, PinnedSrc>> {
  const pinned = new Map<string, PinnedSrc>();
  const problems: string[] = [];
  const waiting = wanted.entries();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const worker = async (): Promise<void> => {
    for (const [src, uses] of waiting) {
      either.throwIfAborted();
      try {
        const file = await pin.asset(src, either);
        pinned.set(src, `sha256:${file.sha256}`);
        problems.push(...uses.flatMap((use) => useProblems(file, use)));
      } catch (error) {
        problems.push(problemOf(error, [...(uses[0]?.path ?? []), 'src']));
      }
    }
  };
  // What one worker cannot settle (the bucket is away) ends the others too.
  await Promise.all(Array.from({ length: atOnce }, worker)).catch((error: unknown) => {
    failed.abort(error);
    throw error;
  });
  if (problems.length > 0) {
    const message = problems.length === 1 ? (problems[0] ?? '') : `${problems.length} files cannot be used`;
    throw new SegueError('asset_refused', message, {
      hint: 'Only files below the folders and on the hosts that the operator allows can be used.',
      problems: problems.sort(),
    });
  }
  return pinned;
}

async function pinModule(
  whole: ModuleDescription,
  pin: PinPort,
  signal: AbortSignal,
): Promise<PinnedDescription> {
  const { $schema: _, ...description } = whole;
  try {
    const moduleSha256 = await pin.module(description.module, signal);
    if (description.moduleSha256 !== undefined && description.moduleSha256 !== moduleSha256) {
      throw new SegueError('asset_refused', `module "${description.module}" has other content by now`, {
        hint: 'leave moduleSha256 out to use what is registered',
      });
    }
    return { ...description, moduleSha256 };
  } catch (error) {
    const problem = problemOf(error, ['module']);
    throw new SegueError('asset_refused', problem, { problems: [problem], cause: error });
  }
}

/**
 * The description as it is stored and rendered: each `src` named by content, a module bound to its content, every time in
 * whole frames. Pure but for the port. Throws SegueError `asset_refused` with every field that cannot be pinned, or what
 * the port throws where a later try may succeed.
 */
export async function pinDescription(
  description: Description,
  pin: PinPort,
  signal: AbortSignal = new AbortController().signal,
): Promise<PinnedDescription> {
  if (description.kind === 'module') return pinModule(quantised(description), pin, signal);
  const { $schema: _, ...whole } = quantised(description);
  const pinned = await pinFiles(wantedFiles(description), pin, signal);
  const pinnedAsset = (
    asset: TimelineDescription['tracks'][number]['clips'][number]['asset'],
  ): PinnedAsset => {
    if (!('src' in asset)) return asset;
    const src = pinned.get(asset.src);
    if (src === undefined) throw new SegueError('internal', `${asset.src} was not pinned`);
    return { ...asset, src };
  };
  const tracks = whole.tracks.map(({ clips }) => ({
    clips: clips.map((clip) => ({ ...clip, asset: pinnedAsset(clip.asset) })),
  }));
  return { ...whole, tracks };
}
