import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { expectWhole, onNodes, smallDescription, startField, stored } from './kit.ts';

const seconds = 24;

test('the origin is lost before anything is copied: the rest is rendered again, and every frame is played', async () => {
  await using field = await startField();
  await field.proxy.fail({ kind: 'refuse' });
  const { id, url } = await field.post(smallDescription(seconds));
  const playing = await playWithFfmpeg(url, { realTime: true });
  await field.reach(id, 'the node is ahead of the viewer', (status) => onNodes(status) >= 4);
  await until(() => playing.frames > 25, {
    what: 'the viewer sees the second second',
    timeout: 60_000,
  });
  expect(stored(await field.status(id))).toBe(0);
  await field.lose(await field.holder(id));
  expectWhole(await playing.done, seconds);
  await field.proxy.fail(undefined);
  await field.reach(id, 'everything is copied in the end', (status) => status.state === 'stored');
});

test('the origin is lost half-way through copying: nothing of it is noticed', async () => {
  await using field = await startField();
  // However late this looks, not everything is copied before the bucket goes.
  await field.proxy.fail(
    { kind: 'status', status: 503 },
    (method, path) => method === 'PUT' && Number(/\/(\d+)\.m4s/.exec(path)?.[1] ?? 0) >= 4,
  );
  const { id, url } = await field.post(smallDescription(seconds));
  const playing = await playWithFfmpeg(url, { realTime: true });
  await field.reach(id, 'some segments are copied', (status) => stored(status) >= 2);
  await field.proxy.fail({ kind: 'refuse' });
  await field.reach(id, 'more are made than copied', (status) => onNodes(status) > stored(status));
  await until(() => playing.frames > 25, {
    what: 'the viewer sees the second second',
    timeout: 60_000,
  });
  await field.lose(await field.holder(id));
  expectWhole(await playing.done, seconds);
});

test('every node is lost after everything is copied: the bucket goes on', async () => {
  await using field = await startField();
  const { id, url } = await field.post(smallDescription(seconds));
  const playing = await playWithFfmpeg(url, { realTime: true });
  await field.reach(id, 'everything is copied', (status) => status.state === 'stored');
  await Promise.all(['node-1', 'node-2'].map((part) => field.lose(part)));
  expectWhole(await playing.done, seconds);
  const late = await playWithFfmpeg(url);
  expectWhole(await late.done, seconds);
});
