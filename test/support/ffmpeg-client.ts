import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findFfmpeg } from '../../src/render/ffmpeg/find.ts';

/** What a player got to see and hear. */
export interface Played {
  readonly exitCode: number;
  /** Video frames decoded. */
  readonly frames: number;
  /** Audio samples decoded, a channel. */
  readonly samples: number;
  /** Warnings and errors, without those about connections that a redirect always brings. */
  readonly complaints: readonly string[];
  /** MD5 of each decoded frame, in order. */
  readonly frameHashes: readonly string[];
}

/** A player at work. */
export interface Playing {
  /** Frames so far. */
  readonly frames: number;
  readonly done: Promise<Played>;
  /** Ends it at once; what it got so far is told. */
  stop(): void;
}

// What ffmpeg says whenever a redirect leads to another host: it then opens a new connection by itself.
const harmless =
  /Cannot reuse HTTP connection for different host|keepalive request failed .* retrying with new connection|-vsync is deprecated/;

/**
 * Plays an HLS stream with ffmpeg, decoding everything, and counts. `pace`: seconds of media a second (ffmpeg's `-re` is 1);
 * without it as fast as it can.
 */
export async function playWithFfmpeg(
  url: string,
  { realTime = false }: { realTime?: boolean } = {},
): Promise<Playing> {
  const ffmpeg = await findFfmpeg();
  const child = spawn(
    ffmpeg.path,
    [
      ['-nostdin', '-loglevel', 'warning', ...(realTime ? ['-re'] : []), '-i', url],
      ['-map', '0:v:0', '-vsync', 'passthrough', '-f', 'framemd5', 'pipe:1'],
      ['-map', '0:a:0', '-f', 's16le', '-ac', '2', 'pipe:3'],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const frameHashes: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (!line.startsWith('#')) frameHashes.push(line.split(',').at(-1)?.trim() ?? '');
  });
  let soundBytes = 0;
  (child.stdio[3] as NodeJS.ReadableStream).on('data', (chunk: Buffer) => {
    soundBytes += chunk.byteLength;
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-100_000);
  });
  const done = once(child, 'close').then(
    ([code]): Played => ({
      exitCode: Number(code ?? 1),
      frames: frameHashes.length,
      samples: soundBytes / 4,
      complaints: errors.split('\n').filter((line) => line.trim() !== '' && !harmless.test(line)),
      frameHashes,
    }),
  );
  return {
    get frames() {
      return frameHashes.length;
    },
    done,
    stop: () => void child.kill('SIGKILL'),
  };
}
