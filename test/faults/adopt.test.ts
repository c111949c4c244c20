import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadSecrets } from '../../src/stack/files.ts';
import { databaseUrlOf } from '../../src/stack/postgres.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { temporaryFolder } from '../support/folder.ts';
import { through } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import { expectWhole, type Field, onNodes, segmentsIn, size, smallDescription, startField } from './kit.ts';

const seconds = 24;
const listening = z.object({ event: z.literal('listening'), url: z.string() });

/** `segue node` as a process of its own, beside those of the stack. */
interface NodeProcess extends AsyncDisposable {
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
}

async function startNodeProcess(
  field: Field,
  id: string,
  dataFolder: string,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<NodeProcess> {
  const { settings } = field.bucket;
  const stack = field.stack.dataFolder;
  const { secret } = await loadSecrets(join(stack, 'secrets.json'));
  const child = spawn(process.execPath, ['src/cli/main.ts', 'node', '--json', ...args], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      SEGUE_NODE_ID: id,
      SEGUE_NODE_PORT: '0',
      SEGUE_DATA: dataFolder,
      SEGUE_SECRET: secret,
      SEGUE_LOG_LEVEL: 'error',
      DATABASE_URL: await databaseUrlOf(stack),
      S3_ENDPOINT: through(field.proxy, settings.endpoint),
      S3_BUCKET: settings.bucket,
      S3_REGION: settings.region,
      S3_ACCESS_KEY_ID: settings.accessKeyId,
      S3_SECRET_ACCESS_KEY: settings.secretAccessKey,
      S3_PUBLIC_URL: settings.publicUrl,
      ...env,
    },
  });
  const exited = once(child, 'exit');
  const seen: { url: string | undefined } = { url: undefined };
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.url ??= listening.safeParse(JSON.parse(line)).data?.url;
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  try {
    const look = () => seen.url ?? (child.exitCode === null ? undefined : '');
    const url = await until(look, { what: `${id} listens`, timeout: 60_000 });
    if (url === '') throw new Error(`${id} did not start: exit code ${child.exitCode}`);
    return { url, kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}

async function segmentsMade(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^segue_segments_made_total (\d+)$/m.exec(text)?.[1]);
}

/** How often each segment was PUT. */
function puts(requests: readonly string[]): number[] {
  const segments = requests.filter((request) => /^PUT .*\/renders\/.*\.m4s$/.test(request));
  return [...Map.groupBy(segments, (request) => request).values()].map(({ length }) => length);
}

test('the only node that has a video is gone for good: another one adopts its disk, and nothing is rendered again', async () => {
  await using field = await startField();
  await using folder = await temporaryFolder();
  const { proxy, stack } = field;
  await proxy.fail({ kind: 'refuse' });
  await using maker = await startNodeProcess(field, 'maker', join(folder.path, 'maker'), {
    SEGUE_NODE_WEIGHT: '100',
  });
  const post = async (seed: number) => {
    const video = await field.post(smallDescription(seconds, seed));
    if ((await field.holder(video.id)) === 'maker') return video;
    await field.reach(
      video.id,
      'another node has made it',
      (status) => onNodes(status) === segmentsIn(seconds),
    );
    return undefined;
  };
  // Nearly always the first: placement goes by weight.
  let video = await post(1);
  for (let seed = 2; video === undefined; seed += 1) video = await post(seed);
  const { id, url } = video;
  const made = await field.reach(id, 'everything is made', ({ renditions }) =>
    renditions
      .filter(({ kind }) => kind === 'video' || kind === 'audio')
      .every(({ nodes }) => size(nodes['maker'] ?? []) === segmentsIn(seconds)),
  );
  expect(made.renditions.every(({ bucket }) => size(bucket) === 0)).toBe(true);
  await maker.kill();
  const others = () => Promise.all(['node-1', 'node-2'].map((part) => segmentsMade(stack.urlOf(part))));
  const before = await others();

  const mounted = join(folder.path, 'mounted');
  await rename(join(folder.path, 'maker'), mounted);
  const own = join(folder.path, 'heir');
  await using heir = await startNodeProcess(field, 'heir', own, {}, '--adopt', mounted);
  const adopted = await field.reach(id, 'the heir has everything', ({ renditions }) =>
    renditions.some(({ nodes }) => size(nodes['heir'] ?? []) === segmentsIn(seconds)),
  );
  expect(adopted.renditions.every(({ nodes }) => nodes['maker'] === undefined)).toBe(true);
  const playing = await playWithFfmpeg(url);
  expectWhole(await playing.done, seconds);

  await proxy.fail(undefined);
  await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
  const counts = puts(proxy.requests);
  expect(counts.length).toBeGreaterThanOrEqual(2 * segmentsIn(seconds));
  expect(counts.every((count) => count === 1)).toBe(true);
  expect(await segmentsMade(heir.url)).toBe(0);
  expect(await others()).toEqual(before);
});
