import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { expectWhole, onNodes, segmentsIn, smallDescription, startField, stored } from './kit.ts';

const seconds = 36;
/** Milliseconds that the outage lasts at least. */
const outage = 30_000;

test('the bucket is down for 30 s: copying waits, playing does not', async () => {
  await using field = await startField();
  // However late this looks, not everything is copied before the outage.
  await field.proxy.fail(
    { kind: 'status', status: 503 },
    (method, path) => method === 'PUT' && Number(/\/(\d+)\.m4s/.exec(path)?.[1] ?? 0) >= 4,
  );
  const { id, url } = await field.post(smallDescription(seconds));
  const playing = await playWithFfmpeg(url, { realTime: true });
  await field.reach(id, 'copying has begun', (status) => stored(status) >= 1);
  const began = performance.now();
  await field.proxy.fail({ kind: 'refuse' });
  await field.reach(id, 'everything is made', (status) => onNodes(status) === segmentsIn(seconds));
  await until(() => performance.now() - began > outage, {
    what: 'the outage has lasted',
    timeout: outage * 2,
  });
  const during = await field.status(id);
  expect(during.exposureSeconds).toBeGreaterThan(0);
  await field.proxy.fail(undefined);
  expectWhole(await playing.done, seconds);
  const after = await field.reach(id, 'everything is copied', (status) => status.state === 'stored');
  expect(after.exposureSeconds).toBe(0);
});

test.each([
  ['503 SlowDown', { kind: 'status', status: 503, times: 12 }],
  ['connections reset', { kind: 'reset', times: 12 }],
  ['answers lost after the work was done', { kind: 'swallow', times: 6 }],
] as const)('%s: every segment is copied all the same, once', async (_, fault) => {
  await using field = await startField();
  await field.proxy.fail(fault, (method) => method === 'PUT');
  const { id, url } = await field.post(smallDescription(12));
  await field.reach(id, 'everything is copied', (status) => status.state === 'stored');
  expect(field.proxy.faulted).toBeGreaterThan(0);
  const played = await playWithFfmpeg(url);
  expectWhole(await played.done, 12);
});
