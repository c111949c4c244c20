import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { cliConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { backoff } from '../ops/loop.ts';
import { type MakeProgress, progressOf } from './make-progress.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { startProgress } from './progress.ts';
import { serverOf } from './service-access.ts';
import { demandNext, type Posted, postVideo, type VideoStatus, videoStatus } from './video-client.ts';

/** Options of `segue make`, as the command line gives them. */
export interface MakeCommandOptions {
  /** Print one JSON object a line: `posted`, then `progress` when something changed, then `done`. */
  readonly json?: boolean;
  /** Base URL of the playlist service. Default: SEGUE_URL, or this machine. */
  readonly server?: string;
  /** How the video is encoded. Default: as the service is set. */
  readonly profile?: string;
  /** What kind of video it is. */
  readonly label?: readonly string[];
  /** Where the service wants one. Default: SEGUE_KEY. */
  readonly key?: string;
  /** False (`--no-wait`): end when the video is accepted. */
  readonly wait?: boolean;
}

/** Milliseconds between two looks, and longest time without an answer before giving up. */
const lookMs = 500;
/** Looks without progress after which the next segment is asked for. */
const idleLooks = 4;
/** Looks without any change after which a rendered video is taken to be as far in the bucket as the policy wants it. */
const settledLooks = 20;
const silenceMs = 60_000;
/** No description that a service accepts is longer. */
const maxBytes = 8 * 1024 * 1024;

/** `segue make FILE`: posts a description and watches it being made. */
export async function make(file: string, options: MakeCommandOptions, output: Output): Promise<ExitCode> {
  const json = options.json === true;
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const server = serverOf(options.server);
    const description = await readDescription(file);
    const { profile, label, key = cliConfig().key } = options;
    const posted = await postVideo(server, description, { profile, label, key }, stop.signal);
    output.out(json ? JSON.stringify({ event: 'posted', ...posted }) : posted.url);
    if (options.wait === false) return 0;
    const made = await untilStored(server, posted, json, output, stop.signal);
    if (json) output.out(JSON.stringify({ event: 'done', ...made }));
    else output.err(saidOf(made));
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) return reportError(error, output, json);
    if (!json) output.err('No longer watching; what was accepted is made all the same');
    return 0;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

const saidOf = ({ copied, total, done }: MakeProgress): string =>
  done
    ? `${total} segments are in the bucket`
    : `${total} segments are rendered, ${copied} of them in the bucket; \`segue explain\` says why not all`;

async function readDescription(file: string): Promise<string> {
  let content: string;
  try {
    content = file === '-' ? await readInput() : await readBounded(file);
  } catch (error) {
    throw new SegueError('configuration', `${file} cannot be read`, { cause: error });
  }
  try {
    JSON.parse(content);
  } catch (error) {
    throw new SegueError('configuration', `${file === '-' ? 'Standard input' : file} is not JSON`, {
      cause: error,
    });
  }
  return content;
}

async function readBounded(file: string): Promise<string> {
  if ((await stat(file)).size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
  return readFile(file, 'utf8');
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Waits until all of a video is in the bucket, and tells how far it is: with a bar, or with `json` a `progress` object a line. Asks for
 * what nobody makes by itself. @throws SegueError `render_failed`, or as the service says
 */
export async function untilStored(
  server: string,
  { id, url }: Pick<Posted, 'id' | 'url'>,
  json: boolean,
  output: Output,
  signal: AbortSignal,
): Promise<MakeProgress> {
  const format =
    '{bar} {percentage}% in the bucket | {rendered} of {total} segments rendered | exposed {exposed} s';
  const bar = startProgress(format, !json);
  let last = '';
  let idle = 0;
  try {
    for (;;) {
      const status = await patientStatus(server, id, signal);
      if (status.state === 'failed') {
        throw new SegueError('render_failed', status.failure ?? 'The video cannot be rendered', {
          hint: 'The log of the node says why; `segue doctor` checks ffmpeg',
        });
      }
      const progress = progressOf(status);
      const { rendered, copied, total, exposureSeconds, done } = progress;
      bar.update(copied, total, { rendered, exposed: exposureSeconds.toFixed(1) });
      const line = JSON.stringify({ event: 'progress', rendered, copied, total, exposureSeconds });
      if (json && line !== last) output.out(line);
      idle = line === last ? idle + 1 : 0;
      last = line;
      if (done || (rendered >= total && idle >= settledLooks)) return progress;
      // That of the status is for everybody: it may not play.
      if (idle >= idleLooks) await demandNext({ ...status, url }, signal);
      await delay(lookMs, undefined, { signal });
    }
  } finally {
    bar.end();
  }
}

/** The status, over a restart of the service: tried again with backoff, up to a bound. */
async function patientStatus(server: string, id: string, signal: AbortSignal): Promise<VideoStatus> {
  const started = performance.now();
  for (let failures = 1; ; failures += 1) {
    try {
      return await videoStatus(server, id, signal);
    } catch (error) {
      const retryable = error instanceof SegueError && error.retryable;
      if (!retryable || performance.now() - started > silenceMs) throw error;
      await delay(backoff(failures), undefined, { signal });
    }
  }
}
