import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { report, summaryOf } from './ratio.ts';

/** Bytes that each process may keep resident, ffmpeg apart. */
const allowed = 150e6;
const services = ['playlists', 'node-1', 'node-2'];

/** Resident bytes of a part, now. */
function resident(stack: TestStack, part: string): number {
  const status = readFileSync(`/proc/${stack.pidOf(part)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

async function post(stack: TestStack, description: unknown): Promise<{ id: string; url: string }> {
  const answer = await fetch(`${stack.url}/v1/videos`, { method: 'POST', body: JSON.stringify(description) });
  return z.object({ id: z.string(), url: z.string() }).parse(await answer.json());
}

async function isStored(stack: TestStack, id: string): Promise<boolean> {
  const status: unknown = await (await fetch(`${stack.url}/v1/videos/${id}`)).json();
  return z.object({ state: z.string() }).parse(status).state === 'stored';
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

// What one of the two takes of the processors changes nothing of the other's memory.
test.concurrent(`60 s of 720p, rendered, played and copied: each process stays under ${megabytes(allowed)}`, async () => {
  await using stack = await startStack({ env: { SEGUE_LOG_LEVEL: 'warn' } });
  const most = new Map(services.map((part) => [part, 0]));
  const look = (): void => {
    for (const part of services) most.set(part, Math.max(most.get(part) ?? 0, resident(stack, part)));
  };
  const example = await readFile(new URL('../../examples/default.json', import.meta.url), 'utf8');
  const { id, url } = await post(stack, JSON.parse(example));
  const playing = await playWithFfmpeg(url);
  await until(
    async () => {
      look();
      return isStored(stack, id);
    },
    { what: 'everything is copied', timeout: 300_000, every: 100 },
  );
  expect((await playing.done).frames).toBe(1500);
  look();
  for (const [part, bytes] of most) report(`most resident memory of ${part}: ${megabytes(bytes)}`);
  expect(Math.max(...most.values())).toBeLessThan(allowed);
});

test.concurrent('40 videos one after another: memory does not grow', async () => {
  await using stack = await startStack({ env: { SEGUE_LOG_LEVEL: 'warn' } });
  const total = (): number => services.reduce((sum, part) => sum + resident(stack, part), 0);
  const figures: number[] = [];
  for (let seed = 0; seed < 40; seed += 1) {
    const { id, url } = await post(stack, {
      segue: 1,
      kind: 'timeline',
      size: { width: 640, height: 360 },
      fps: 25,
      duration: 6,
      seed,
      tracks: [{ clips: [{ start: 0, length: 6, asset: { type: 'pattern', pattern: 'plasma' } }] }],
    });
    expect((await (await playWithFfmpeg(url)).done).frames).toBe(150);
    await until(() => isStored(stack, id), { what: `video ${seed} is copied`, timeout: 60_000 });
    figures.push(total());
  }
  const early = summaryOf(figures.slice(10, 20)).median;
  const late = summaryOf(figures.slice(30)).median;
  report(`three processes after 10 to 20 videos: ${megabytes(early)}; after 30 to 40: ${megabytes(late)}`);
  // A leak of a segment a video would be some 10 MB a video; this allows the noise of a garbage collector.
  expect(late / early).toBeLessThan(1.05);
});
