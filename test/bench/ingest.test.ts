import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cheap, makeStream, produce, testSource } from '../integration/ingest/kit.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { report, shown, summaryOf } from './ratio.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ env: { SEGUE_LOG_LEVEL: 'info' } });
}, 90_000);
afterAll(() => stack.stop());

/** Processor time of a process so far, in seconds (Linux: clock ticks are hundredths). */
function cpuOf(part: string): number {
  const text = readFileSync(`/proc/${stack.pidOf(part)}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const parts = ['playlists', 'node-1', 'node-2'];
const cpuOfSegue = (): number => parts.reduce((sum, part) => sum + cpuOf(part), 0);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const seconds = 16;
const runs = 3;
/** What the issue allows of the producer's processor time. */
const allowedCpu = 0.03;
/** What the issue allows from the last byte to the listing, in milliseconds. */
const allowedMs = 50;

test(
  'a stream in real time costs little beside the encoder that makes it',
  async () => {
    const realistic = [
      '-c:v',
      'libx264',
      '-preset',
      'medium',
      '-b:v',
      '3M',
      '-maxrate',
      '4M',
      '-bufsize',
      '6M',
    ];
    const added: number[] = [];
    const total: number[] = [];
    const idleFrom = cpuOfSegue();
    await pause(10_000);
    const idle = (cpuOfSegue() - idleFrom) / 10;
    for (let run = 0; run < runs; run += 1) {
      const stream = await makeStream(stack);
      const before = cpuOfSegue();
      const began = performance.now();
      const producer = await produce(
        [
          '-loglevel',
          'info',
          '-nostats',
          '-benchmark',
          '-re',
          testSource(seconds, '1280x720'),
          cheap,
          realistic,
        ],
        [
          '-vf',
          'noise=alls=12:allf=t',
          '-f',
          'hls',
          '-hls_time',
          '2',
          '-hls_list_size',
          '0',
          '-method',
          'PUT',
        ],
        `${stream.ingest[0]}out.m3u8`,
      );
      const { code, complaints } = await producer.done;
      expect(code).toBe(0);
      await until(async () => (await stream.status()).state === 'ended', { what: 'the stream has ended' });
      const took = (performance.now() - began) / 1000;
      const [, user = '', system = ''] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(complaints) ?? [];
      const encoder = Number(user) + Number(system);
      const segue = cpuOfSegue() - before;
      total.push((100 * segue) / encoder);
      added.push((100 * (segue - idle * took)) / encoder);
      expect((await stream.status()).renditions[0]?.segments).toBeGreaterThanOrEqual(seconds / 2);
    }
    report(
      `ingest, processor time of service and nodes beside the producer's: ${shown(summaryOf(added), ' %')}`,
    );
    report(`ingest, the same with what idle processes take: ${shown(summaryOf(total), ' %')}`);
    expect(summaryOf(added).median).toBeLessThan(100 * allowedCpu);
  },
  runs * (3 * seconds + 60) * 1000,
);

/** Uploads a file. @returns when its last byte had gone out (monotonic milliseconds), and the answer. */
async function put(url: string, body: Uint8Array): Promise<{ sent: number; answered: Promise<number> }> {
  const outgoing = request(url, { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } });
  const answered = once(outgoing, 'response').then(([response]) => {
    const { statusCode, resume } = response as { statusCode: number; resume: () => void };
    resume.call(response);
    return statusCode;
  });
  const sent = Promise.withResolvers<number>();
  outgoing.end(body, () => sent.resolve(performance.now()));
  return { sent: await sent.promise, answered };
}

test('a segment is listed soon after its last byte', async () => {
  const stream = await makeStream(stack, { targetDuration: 2 });
  const media = new URL('r0/media.m3u8', stream.url).href;
  const packets = 4000;
  const figures: number[] = [];
  for (let n = 0; n < 60; n += 1) {
    const segment = new Uint8Array(188 * packets).fill(n, 4);
    for (let at = 0; at < segment.byteLength; at += 188) segment[at] = 0x47;
    const lines = Array.from({ length: n + 1 }, (_, index) => `#EXTINF:2,\ns${index}.ts`);
    const list = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:2', ...lines, ''].join('\n');
    const first = await put(`${stream.ingest[0]}s${n}.ts`, segment);
    // As ffmpeg does: the list follows without waiting for an answer.
    const second = await put(`${stream.ingest[0]}out.m3u8`, Buffer.from(list));
    if (n < 3) {
      await Promise.all([first.answered, second.answered]);
      continue;
    }
    const line = new RegExp(`(^|/)${n}\\.ts$`, 'm');
    while (!line.test(await (await fetch(media)).text()));
    figures.push(performance.now() - first.sent);
    expect(await Promise.all([first.answered, second.answered])).toEqual([201, 201]);
    await pause(50);
  }
  report(
    `ingest, from the last byte of a segment of 752 kB to its listing: ${shown(summaryOf(figures), ' ms')}`,
  );
  expect(summaryOf(figures).median).toBeLessThan(allowedMs);
}, 120_000);
