import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { audioBoundary, frameBoundary, gridOf, segmentCount } from '../../src/grid/grid.ts';
import { loadSecrets } from '../../src/stack/files.ts';
import { startTestBucket, type TestBucket } from '../support/bucket.ts';
import type { Played } from '../support/ffmpeg-client.ts';
import { type FaultProxy, startFaultProxy, through } from '../support/proxy.ts';
import { startStack, type TestStack, type TestStackOptions } from '../support/stack.ts';
import { until } from '../support/wait.ts';

/** A description that is cheap to render: `seconds` of 320x180 at 25 frames a second, with sound. */
export function smallDescription(seconds: number, seed = 1): object {
  return {
    segue: 1,
    kind: 'timeline',
    size: { width: 320, height: 180 },
    fps: 25,
    duration: seconds,
    seed,
    tracks: [
      {
        clips: [{ start: 0, length: seconds, asset: { type: 'pattern', pattern: 'plasma' } }],
      },
      {
        clips: [
          {
            start: 0,
            length: seconds,
            asset: { type: 'tone', frequency: 440, waveform: 'sine' },
            volume: 0.2,
          },
        ],
      },
    ],
  };
}

/** Settings of a stack that makes a {@link gatedDescription}. */
export const gating = { SEGUE_MODULES: fileURLToPath(new URL('../players/modules', import.meta.url)) };

/**
 * As small, but its segments from `from` on are not made before the file `gate` exists: however slow a test is, it comes before
 * they are made. Needs {@link gating}.
 */
export function gatedDescription(seconds: number, seed: number, gate: string, from: number): object {
  const gateFrom = frameBoundary(gridOf({ num: 25, den: 1 }, seconds * 25), from);
  const size = { width: 320, height: 180 };
  const params = { gate, gateFrom };
  return { segue: 1, kind: 'module', module: 'paced', params, size, fps: 25, duration: seconds, seed };
}

const ranges = z.array(z.tuple([z.number(), z.number()]));
const statusSchema = z.object({
  id: z.string(),
  url: z.string(),
  state: z.string(),
  exposureSeconds: z.number(),
  lease: z.object({ node: z.string(), epoch: z.number() }).nullable(),
  renditions: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      bucket: ranges,
      nodes: z.record(z.string(), ranges),
      absent: ranges,
    }),
  ),
});

/** Number of segments of a {@link smallDescription}. */
export const segmentsIn = (seconds: number): number =>
  segmentCount(gridOf({ num: 25, den: 1 }, seconds * 25));

/** `GET /v1/videos/{id}`, parsed. */
export type Status = z.output<typeof statusSchema>;

/** How many segments some ranges have. */
export const size = (list: readonly (readonly [number, number])[]): number =>
  list.reduce((sum, [from, to]) => sum + to - from, 0);

/** Segments that picture and sound have in the bucket; stills are made on demand. */
export const stored = (status: Status): number =>
  Math.min(
    ...status.renditions
      .filter(({ kind }) => kind === 'video' || kind === 'audio')
      .map((rendition) => size(rendition.bucket)),
  );

/** Segments of the video rendition that some node holds. */
export const onNodes = (status: Status): number =>
  Math.max(0, ...Object.values(status.renditions[0]?.nodes ?? {}).map(size));

/** A stack whose bucket is outside, behind a proxy that can fail. */
export interface Field extends AsyncDisposable {
  readonly stack: TestStack;
  readonly bucket: TestBucket;
  /** Between the nodes and the bucket's S3 API; viewers read past it. */
  readonly proxy: FaultProxy;
  post(description: object, profile?: string): Promise<{ id: string; url: string }>;
  status(id: string): Promise<Status>;
  /** Waits for a state of a video. */
  reach(id: string, what: string, look: (status: Status) => boolean, timeout?: number): Promise<Status>;
  /** Name of the part (`node-1`) that holds the lease of a video, or what it made under one that has ended. */
  holder(id: string): Promise<string>;
  /** Starts the stack again on the same bucket, behind the same proxy; this one must have ended. */
  restart(options: TestStackOptions): Promise<Field>;
  /** Kills a node with SIGKILL and empties its disk: the machine is lost. @returns the process number that died. */
  lose(part: string): Promise<number>;
}

/** Options of {@link startField}. */
export interface FieldOptions extends TestStackOptions {
  /** Where viewers read the bucket, given where they could directly: a CDN. */
  readonly publicUrl?: (own: string) => string;
}

/** Starts bucket, proxy and stack. */
export async function startField(options: FieldOptions = {}): Promise<Field> {
  const bucket = await startTestBucket();
  const proxy = await startFaultProxy(bucket.settings.endpoint);
  const field = await startFieldOn(bucket, proxy, options);
  return {
    ...field,
    async [Symbol.asyncDispose]() {
      await field[Symbol.asyncDispose]();
      await proxy.stop();
      await bucket.stop();
    },
  };
}

/** The bucket as a node behind the proxy is told of it. */
const bucketVariables = ({ settings }: TestBucket, proxy: FaultProxy): Record<string, string> => ({
  S3_ENDPOINT: through(proxy, settings.endpoint),
  S3_BUCKET: settings.bucket,
  S3_REGION: settings.region,
  S3_ACCESS_KEY_ID: settings.accessKeyId,
  S3_SECRET_ACCESS_KEY: settings.secretAccessKey,
  S3_PUBLIC_URL: settings.publicUrl,
});

/** Settings of a node that runs beside those of the stack, without its DATABASE_URL. */
export async function nodeSettings(
  { stack, bucket, proxy }: Field,
  id: string,
  dataFolder: string,
): Promise<Record<string, string>> {
  const { secret } = await loadSecrets(join(stack.dataFolder, 'secrets.json'));
  return {
    ...bucketVariables(bucket, proxy),
    SEGUE_NODE_ID: id,
    SEGUE_NODE_PORT: '0',
    SEGUE_DATA: dataFolder,
    SEGUE_SECRET: secret,
    SEGUE_LOG_LEVEL: 'error',
  };
}

/** Starts a stack on a bucket and a proxy that stay the caller's to stop. */
export async function startFieldOn(
  bucket: TestBucket,
  proxy: FaultProxy,
  options: FieldOptions,
): Promise<Field> {
  const { settings } = bucket;
  const stack = await startStack({
    ...options,
    env: {
      ...bucketVariables(bucket, proxy),
      S3_PUBLIC_URL: options.publicUrl?.(settings.publicUrl) ?? settings.publicUrl,
      ...options.env,
    },
  });
  return {
    ...connect(stack),
    stack,
    bucket,
    proxy,
    restart: (again) => startFieldOn(bucket, proxy, again),
    async [Symbol.asyncDispose]() {
      await stack.stop();
    },
  };
}

function connect(stack: TestStack): Pick<Field, 'post' | 'status' | 'reach' | 'holder' | 'lose'> {
  const status = async (id: string): Promise<Status> =>
    statusSchema.parse(await (await fetch(`${stack.url}/v1/videos/${id}`)).json());
  return {
    status,
    async post(description, profile = 'default') {
      const answer = await fetch(`${stack.url}/v1/videos?profile=${profile}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(description),
      });
      assert(answer.ok, await answer.clone().text());
      return z.object({ id: z.string(), url: z.string() }).parse(await answer.json());
    },
    reach: (id, what, look, timeout = 120_000) =>
      until(
        async () => {
          const seen = await status(id);
          return look(seen) ? seen : undefined;
        },
        { what, timeout },
      ),
    holder: (id) =>
      until(
        async () => {
          const { lease, renditions } = await status(id);
          // A lease ends with the last segment.
          return lease?.node ?? Object.keys(renditions[0]?.nodes ?? {})[0];
        },
        { what: 'somebody holds it', timeout: 60_000 },
      ),
    async lose(part) {
      const pid = stack.kill(part);
      await rm(join(stack.dataFolder, 'nodes', part, 'segments'), {
        recursive: true,
        force: true,
        maxRetries: 5,
      });
      return pid;
    },
  };
}

/** Everything that was described was seen and heard, and nothing was complained about. */
export function expectWhole(played: Played, seconds: number): void {
  const grid = gridOf({ num: 25, den: 1 }, seconds * 25);
  assert.deepEqual(played.complaints, []);
  const { exitCode, frames, samples } = played;
  assert.deepEqual(
    { exitCode, frames, samples },
    { exitCode: 0, frames: seconds * 25, samples: audioBoundary(grid, segmentCount(grid)) * 1024 },
  );
}
