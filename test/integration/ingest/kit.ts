import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { childEnvironment } from '../../../src/ops/config.ts';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import type { TestStack } from '../../support/stack.ts';

/** A stream at a stack, and where to send it. */
export interface TestStream {
  readonly id: string;
  /** Multivariant playlist. */
  readonly url: string;
  readonly key: string;
  /** Ingest URLs, one a node, each with a trailing slash. */
  readonly ingest: readonly string[];
  /** `GET /v1/streams/{id}`. */
  status(): Promise<StreamStatus>;
}

/** The part of a stream's status that tests look at. */
export interface StreamStatus {
  readonly state: string;
  readonly sealed: boolean;
  readonly renderId: string;
  readonly renditions: readonly {
    name: string;
    kind: string;
    container: string;
    codecs: string | null;
    segments: number;
    ended: boolean;
  }[];
}

/** Makes a stream. */
export async function makeStream(stack: TestStack, body: object = {}): Promise<TestStream> {
  const headers = { authorization: `Bearer ${stack.adminToken}` };
  const answer = await fetch(`${stack.url}/v1/streams`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  const made = (await answer.json()) as { id: string; url: string; key: string; ingest: string[] };
  const status = async (): Promise<StreamStatus> =>
    (await (await fetch(`${stack.url}/v1/streams/${made.id}`, { headers })).json()) as StreamStatus;
  const ingest = made.ingest.map((url) => (url.endsWith('/') ? url : `${url}/`));
  return { ...made, ingest, status };
}

/** A producer at work. */
export interface Producer {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves with its exit code and what it complained about. */
  readonly done: Promise<{ code: number | null; complaints: string }>;
}

/** Arguments, grouped as one likes. */
export type Arguments = readonly (string | Arguments)[];

/** Arguments as a program gets them. */
const flat = (list: Arguments): string[] =>
  list.flatMap((each) => (typeof each === 'string' ? [each] : flat(each)));

/** Starts an ffmpeg. */
export async function produce(...args: Arguments): Promise<Producer> {
  const ffmpeg = await findFfmpeg();
  const child = spawn(
    ffmpeg.path,
    ['-nostdin', '-hide_banner', '-loglevel', 'warning', '-y', ...flat(args)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-10_000);
  });
  const done = once(child, 'close').then(([code]) => ({ code: code as number | null, complaints }));
  return { pid: child.pid ?? 0, kill: (signal) => child.kill(signal), done };
}

/** Seconds of a picture and a tone; frames at 25 a second, a key frame each second. */
export const testSource = (seconds: number, size = '320x180'): string[] =>
  [
    ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=25:duration=${seconds}`],
    ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
  ].flat();

/** H.264 and AAC that cost little. */
export const cheap = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-g',
  '25',
  '-c:a',
  'aac',
  '-b:a',
  '64k',
];

/** The lines of a playlist. */
export async function linesOf(url: string): Promise<string[]> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.text()).trim().split('\n');
}

const execute = promisify(execFile);
const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Runs `segue ingest --json`. @returns its lines. */
export async function runIngest(stack: TestStack, ...args: Arguments): Promise<Record<string, unknown>[]> {
  const env = childEnvironment({ SEGUE_URL: stack.url, SEGUE_ADMIN_TOKEN: stack.adminToken });
  const { stdout } = await execute(process.execPath, [main, 'ingest', '--json', ...flat(args)], { env });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
