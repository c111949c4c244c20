import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delivery } from '../ingest/agent/deliver.ts';
import { watchFolder } from '../ingest/agent/folder.ts';
import { type Following, type FollowProgress, followFolder } from '../ingest/agent/follow.ts';
import { SegueError } from '../ops/errors.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { startProgress } from './progress.ts';
import { serviceAccess } from './service-access.ts';
import { createStream } from './stream-client.ts';

/** Options of `segue ingest`, as the command line gives them. */
export interface IngestCommandOptions {
  readonly url?: readonly string[];
  readonly key?: string;
  readonly name?: string;
  readonly window?: string;
  readonly server?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Poll behind the folder's announcements, in milliseconds; and the wait for the rest of a burst of them. */
const pollMs = 500;
/** How long a program has to end by itself, and again after SIGTERM, in milliseconds. */
const endMs = 3000;
/** How long what a stopped program left is still delivered, in milliseconds. */
const drainMs = 15_000;
/** How long an ended list is kept up while nodes wait for files of it that never come: they give up after 30 s. */
const givenUpMs = 45_000;

/** `segue ingest`: delivers a folder, or what a program writes into one, until it has ended. */
export async function ingest(
  given: string | undefined,
  program: readonly string[],
  options: IngestCommandOptions,
  output: Output,
): Promise<ExitCode> {
  try {
    return await run(given, program, options, output);
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

async function run(
  given: string | undefined,
  program: readonly string[],
  options: IngestCommandOptions,
  output: Output,
): Promise<ExitCode> {
  await check(given, program);
  const say = (event: string, fields: object): void => {
    if (options.json === true) output.out(JSON.stringify({ event, ...fields }));
  };
  await using opened = new AsyncDisposableStack();
  const urls = await ingestUrls(options, output, say);
  const root = given ?? (await mkdtemp(join(tmpdir(), 'segue-ingest-')));
  if (given === undefined) opened.defer(() => rm(root, { recursive: true, force: true }));

  let wake = (): void => undefined;
  const folder = opened.use(watchFolder(root, () => wake()));
  const onRetry = (problem: string, waitMs: number): void => {
    if (options.json === true) say('retry', { problem, waitMs: Math.round(waitMs) });
    else if (waitMs > 0 && !process.stderr.isTTY) output.err(`segue: ${problem}; trying again`);
  };
  const onProblem = (problem: SegueError): void => {
    const { code, message, hint } = problem;
    if (options.json === true) say('problem', { code, message, ...(hint === undefined ? {} : { hint }) });
    else output.err(`segue: ${message}${hint === undefined ? '' : `\n  ${hint}`}`);
  };
  const following = followFolder(folder, delivery({ urls, onRetry }), { onProblem });
  const bar = startProgress('{bar} {segments} segments, {megabytes} MB', options.json !== true);
  opened.defer(() => bar.end());

  const child = program.length === 0 ? undefined : startProgram(program, root);
  let stopping = false;
  const stopped = new AbortController();
  const stop = (): void => {
    if (stopping) return stopped.abort();
    stopping = true;
    child?.process.kill('SIGTERM');
    setTimeout(() => stopped.abort(), drainMs).unref();
    wake();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, stop);
    opened.defer(() => void process.off(signal, stop));
  }
  const sleep = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, pollMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const progress = await follow(following, {
    signal: stopped.signal,
    sleep,
    isLast: () => following.done || stopping || child?.exited === true,
    isStopping: () => stopping,
    onProgress: (now) => {
      say('progress', now);
      bar.update(now.ended, Math.max(1, now.playlists), {
        segments: now.segments,
        megabytes: (now.bytes / 1e6).toFixed(1),
      });
    },
  }).catch(async (error: unknown) => {
    child?.process.kill('SIGTERM');
    await child?.done;
    throw error;
  });
  // Some programs (gst-launch-1.0 among them) do not always end after they have ended their lists.
  if (following.done || stopping) child?.endSoon();
  const code = (await child?.done) ?? 0;
  bar.end();
  const complete = following.done && !following.failed;
  say('done', { ...progress, complete });
  if (options.json !== true) {
    const end = following.done
      ? 'and the stream has ended'
      : 'and the stream goes on: its lists have no EXT-X-ENDLIST';
    output.out(`${progress.segments} segments delivered, ${following.failed ? 'others not, ' : ''}${end}`);
  }
  return !following.failed && (code === 0 || stopping || following.done) ? 0 : 1;
}

/**
 * Steps until the last one, which begins after nothing more is written. It is done again while nodes wait for what a list names
 * and nobody has: a stream that nothing comes to for ten seconds is let go of, and would never end.
 */
async function follow(
  following: Following,
  driver: {
    readonly signal: AbortSignal;
    readonly sleep: () => Promise<void>;
    readonly isLast: () => boolean;
    readonly isStopping: () => boolean;
    readonly onProgress: (progress: FollowProgress) => void;
  },
): Promise<FollowProgress> {
  let before = '';
  let until: number | undefined;
  for (;;) {
    const last = driver.isLast();
    if (last) until ??= performance.now() + givenUpMs;
    const change = driver.sleep();
    const progress = await following.step(driver.signal, last);
    const text = JSON.stringify(progress);
    if (text !== before) driver.onProgress(progress);
    before = text;
    const isKept = following.awaited && !driver.isStopping() && performance.now() < (until ?? 0);
    if (following.done || (last && !isKept)) return progress;
    await change;
  }
}

async function check(given: string | undefined, program: readonly string[]): Promise<void> {
  if (given === undefined && program.length === 0) {
    throw new SegueError('configuration', 'Neither a folder nor a program is given', {
      hint: 'segue ingest FOLDER, or segue ingest -- ffmpeg ... -f hls {}/out.m3u8',
    });
  }
  if (given === undefined && !program.some((argument) => argument.includes('{}'))) {
    throw new SegueError('configuration', 'The program is not told where to write', {
      hint: 'Write {} where its arguments name the folder, as in {}/out.m3u8.',
    });
  }
  if (given !== undefined && !(await stat(given).catch(() => undefined))?.isDirectory()) {
    throw new SegueError('configuration', `${given} is no folder`);
  }
}

/** Where to send: as given, or to a stream made for it. */
async function ingestUrls(
  options: IngestCommandOptions,
  output: Output,
  say: (event: string, fields: object) => void,
): Promise<readonly string[]> {
  const { key, url: urls = [] } = options;
  const complete = urls.map((url) => {
    if (!URL.canParse(url)) throw new SegueError('configuration', `--url ${url} is not a URL`);
    if (/\/ingest\/[^/]+\/?$/.test(url)) return url;
    if (key === undefined) throw new SegueError('configuration', `--url ${url} needs --key`);
    return `${url.replace(/\/+$/, '')}/ingest/${encodeURIComponent(key)}/`;
  });
  if (complete.length > 0) return complete;
  if (key !== undefined) {
    throw new SegueError('configuration', '--key needs --url', {
      hint: 'Give the URLs that `segue streams create` printed.',
    });
  }
  const window = options.window === undefined ? undefined : Number(options.window);
  if (window !== undefined && !(window > 0)) {
    throw new SegueError('configuration', `--window ${options.window} is not a number of seconds`);
  }
  const made = await createStream(await serviceAccess(options), {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(window === undefined ? {} : { window }),
  });
  if (made.ingest.length === 0) throw new SegueError('no_node', 'No node is ready to take the stream in');
  say('created', made);
  if (options.json !== true) output.out(made.url);
  return made.ingest;
}

/** A program that writes into the folder. */
interface RunningProgram {
  readonly process: ChildProcess;
  readonly exited: boolean;
  /** Exit code. */
  readonly done: Promise<number>;
  /** Ends it, gently at first, unless it ends by itself soon. */
  endSoon(): void;
}

/** A program whose arguments name the folder by `{}`. Its own output goes where ours does. */
function startProgram([command = '', ...rest]: readonly string[], root: string): RunningProgram {
  const child = spawn(
    command,
    rest.map((argument) => argument.replaceAll('{}', root)),
    {
      stdio: ['inherit', 'ignore', 'inherit'],
    },
  );
  let exited = false;
  const done = once(child, 'close').then(
    ([code]) => Number(code ?? 1),
    (error: unknown) => {
      throw new SegueError('configuration', `${command} does not start`, { cause: error });
    },
  );
  done.then(
    () => (exited = true),
    () => (exited = true),
  );
  return {
    process: child,
    get exited() {
      return exited;
    },
    done,
    endSoon() {
      const timers = (['SIGTERM', 'SIGKILL'] as const).map((signal, index) =>
        setTimeout(() => child.kill(signal), (index + 1) * endMs),
      );
      const clear = (): void => {
        for (const timer of timers) clearTimeout(timer);
      };
      done.then(clear, clear);
    },
  };
}
