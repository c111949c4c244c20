import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { childEnvironment } from '../../ops/config.ts';
import { SegueError } from '../../ops/errors.ts';
import { ffmpegEnvironment } from './environment.ts';

const execute = promisify(execFile);

/** Where an ffmpeg was found. */
export type FfmpegSource = 'FFMPEG_PATH' | 'ffmpeg-static' | 'PATH' | '@ffmpeg-installer/ffmpeg';

/** An ffmpeg that starts, and what it can do. */
export interface Ffmpeg {
  /** Absolute path of the executable, or what FFMPEG_PATH says. */
  readonly path: string;
  /** As it names itself: `5.1.9-0+deb12u1`, `N-47683-g0e8eb07980-static`. */
  readonly version: string;
  readonly source: FfmpegSource;
  readonly encoders: ReadonlySet<string>;
  readonly decoders: ReadonlySet<string>;
  readonly filters: ReadonlySet<string>;
  /** What the operator should know about it. */
  readonly warning?: string;
}

/** What every segment needs. */
const requiredEncoders = ['libx264', 'aac'] as const;

/** Milliseconds that an ffmpeg may take to list what it can do. */
const probeTimeout = 15_000;

const require = createRequire(import.meta.url);

/** What an npm package with an ffmpeg inside exports; undefined where it is not installed or has none for this machine. */
function packaged(name: string): unknown {
  try {
    return require(name) as unknown;
  } catch {
    return undefined;
  }
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(searchPath: string): Promise<string | undefined> {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  for (const folder of searchPath.split(delimiter)) {
    if (folder !== '' && (await executable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

async function output(path: string, argument: string, signal: AbortSignal | undefined): Promise<string> {
  const { stdout } = await execute(path, ['-hide_banner', argument], {
    timeout: probeTimeout,
    maxBuffer: 4 << 20,
    env: ffmpegEnvironment,
    ...(signal === undefined ? {} : { signal }),
  });
  return stdout;
}

/** Names in the second column of a listing, such as that of `-encoders`. */
function namesIn(listing: string): Set<string> {
  const names = listing.matchAll(/^\s*[A-Z.|]{2,7}\s+([\w-]+)\s/gm);
  return new Set(Array.from(names, ([, name]) => name ?? ''));
}

/**
 * Asks one executable what it is and can do.
 * @throws SegueError `configuration` when it does not start, or lacks libx264 or aac
 */
export async function inspectFfmpeg(
  path: string,
  source: FfmpegSource,
  signal?: AbortSignal,
): Promise<Ffmpeg> {
  const listing = (argument: string) => output(path, argument, signal);
  const [about, encoders, decoders, filters] = await Promise.all([
    listing('-version'),
    listing('-encoders').then(namesIn),
    listing('-decoders').then(namesIn),
    listing('-filters').then(namesIn),
  ]).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new SegueError('configuration', `The ffmpeg at ${path} (${source}) does not start`, {
      hint: 'Install ffmpeg, or set FFMPEG_PATH to one that runs on this machine.',
      cause,
    });
  });
  const missing = requiredEncoders.filter((name) => !encoders.has(name));
  if (missing.length > 0) {
    throw new SegueError(
      'configuration',
      `The ffmpeg at ${path} (${source}) cannot encode ${missing.join(', ')}`,
      {
        hint: 'Set FFMPEG_PATH to a build with libx264 and aac.',
      },
    );
  }
  const version = /^ffmpeg version (\S+)/m.exec(about)?.[1] ?? 'unknown';
  const old = source === '@ffmpeg-installer/ffmpeg';
  return {
    path,
    version,
    source,
    encoders,
    decoders,
    filters,
    ...(old
      ? {
          warning: `ffmpeg ${version} from npm is of 2018: slower, with fewer filters. Install a current one.`,
        }
      : {}),
  };
}

/** Executables that could be used, in order of preference. */
async function* candidates(
  ffmpegPath: string | undefined,
  searchPath: string,
): AsyncGenerator<readonly [string, FfmpegSource]> {
  if (ffmpegPath !== undefined) {
    // What the operator names is used or complained about, never passed over.
    yield [ffmpegPath, 'FFMPEG_PATH'];
    return;
  }
  const fromStatic = z.string().safeParse(packaged('ffmpeg-static'));
  if (fromStatic.success && (await executable(fromStatic.data))) yield [fromStatic.data, 'ffmpeg-static'];
  const installed = await onPath(searchPath);
  if (installed !== undefined) yield [installed, 'PATH'];
  const fallback = z.object({ path: z.string() }).safeParse(packaged('@ffmpeg-installer/ffmpeg'));
  if (fallback.success) yield [fallback.data.path, '@ffmpeg-installer/ffmpeg'];
}

/**
 * The ffmpeg to use: FFMPEG_PATH, the package `ffmpeg-static`, `ffmpeg` on PATH, the package `@ffmpeg-installer/ffmpeg`;
 * the first that starts and has the encoders. `searchPath` is this process's PATH unless given.
 * @throws SegueError `configuration` when there is none, with what was wrong with each
 */
export async function findFfmpeg(
  where: { readonly ffmpegPath?: string | undefined; readonly searchPath?: string } = {},
  signal?: AbortSignal,
): Promise<Ffmpeg> {
  const problems: string[] = [];
  const searchPath = where.searchPath ?? childEnvironment({})['PATH'] ?? '';
  for await (const [path, source] of candidates(where.ffmpegPath, searchPath)) {
    try {
      return await inspectFfmpeg(path, source, signal);
    } catch (error) {
      if (!(error instanceof SegueError)) throw error;
      problems.push(error.message);
    }
  }
  throw new SegueError('configuration', problems[0] ?? 'No ffmpeg was found', {
    hint: 'Install ffmpeg (apt install ffmpeg, brew install ffmpeg), or set FFMPEG_PATH.',
    problems,
  });
}
