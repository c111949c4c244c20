import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { hasNginx, startCdn } from '../support/nginx.ts';
import { until } from '../support/wait.ts';
import { expectWhole, type Field, smallDescription, startField } from './kit.ts';

const seconds = 24;

/** A video that is all in the bucket, the names of two of its objects, and what they hold. */
async function storedVideo(field: Field) {
  const { id, url } = await field.post(smallDescription(seconds));
  await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
  const status: unknown = await (await fetch(`${field.stack.url}/v1/videos/${id}`)).json();
  const { renderId } = z.object({ renderId: z.string() }).parse(status);
  const key = (n: number): string => `renders/${renderId}/180p/${n}.m4s`;
  const inBucket = async (n: number): Promise<Buffer | undefined> => {
    const answer = await fetch(`${field.bucket.settings.publicUrl}/${key(n)}`);
    return answer.ok ? Buffer.from(await answer.arrayBuffer()) : undefined;
  };
  const truth = new Map<number, Buffer>();
  for (const n of [2, 3]) {
    const bytes = await inBucket(n);
    if (bytes === undefined) throw new Error(`no segment ${n}`);
    truth.set(n, bytes);
  }
  return { id, url, key, inBucket, truth };
}

/** Takes an object out of the bucket, or cuts it short, behind everybody's back. */
async function spoil(field: Field, key: string, left?: Buffer): Promise<void> {
  const { s3, settings } = field.bucket;
  const object = { Bucket: settings.bucket, Key: key };
  await s3.send(
    left === undefined ? new DeleteObjectCommand(object) : new PutObjectCommand({ ...object, Body: left }),
  );
}

test.each([
  ['a node still has it', false],
  ['no node has it any more', true],
])(
  'the bucket loses objects, %s: the first request gets the right bytes, and the bucket has them again',
  async (_, nodesToo) => {
    await using field = await startField();
    const video = await storedVideo(field);
    if (nodesToo) {
      const pids = await Promise.all(
        ['node-1', 'node-2'].map(async (part) => [part, await field.lose(part)] as const),
      );
      for (const [part, pid] of pids) await field.stack.restarted(part, pid);
    }
    await spoil(field, video.key(2));
    await spoil(field, video.key(3), video.truth.get(3)?.subarray(0, 1000));
    // Of the deleted one the public address tells.
    const got = await fetch(`${field.stack.url}/v/${video.id}/180p/2.m4s`);
    expect(got.status).toBe(200);
    const bytes = Buffer.from(await got.arrayBuffer());
    const expected = video.truth.get(2) ?? Buffer.alloc(0);
    expect(bytes.subarray(bytes.length - expected.length).equals(expected)).toBe(true);
    // What a CDN asks for when its origin fails: this one is cut short in the bucket.
    const right = video.truth.get(3) ?? Buffer.alloc(0);
    const asked = async (): Promise<boolean> => {
      const answer = await fetch(`${field.stack.url}/${video.key(3)}`);
      expect(answer.status).toBe(200);
      const whole = Buffer.from(await answer.arrayBuffer());
      return whole.subarray(whole.length - right.length).equals(right);
    };
    expect(await asked()).toBe(true);
    // Only a node that has the right bytes takes the wrong ones away: one that had to make them does so when asked again.
    expect(await asked()).toBe(true);
    for (const n of [2, 3]) {
      await until(async () => (await video.inBucket(n))?.equals(video.truth.get(n) ?? Buffer.alloc(0)), {
        what: `the bucket has segment ${n} again`,
        timeout: 60_000,
      });
    }
    await field.reach(video.id, 'the rows say so', ({ state }) => state === 'stored');
    expectWhole(await (await playWithFfmpeg(video.url)).done, seconds);
  },
);

test.skipIf(!hasNginx)(
  'a CDN with origin failover: a session that knows nothing but bucket URLs loses no frame',
  async () => {
    // The address has to be known before the stack is there, and nobody else is to take it meanwhile.
    const kept = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(kept, 'listening');
    const { port } = kept.address() as AddressInfo;
    await using field = await startField({
      publicUrl: () => `http://127.0.0.1:${port}`,
    });
    const own = new URL(field.bucket.settings.publicUrl);
    const path = own.pathname.replace(/\/$/, '');
    await new Promise((resolve) => kept.close(resolve));
    await using cdn = await startCdn({ origin: own.origin, path }, field.stack.url, port);
    const video = await storedVideo(field);
    const index = await (await fetch(video.url)).text();
    expect(index).toContain(`sealed=`);
    await spoil(field, video.key(2));
    await spoil(field, video.key(3));
    const played = await (await playWithFfmpeg(video.url)).done;
    expectWhole(played, seconds);
    for (const n of [2, 3]) {
      await until(async () => (await video.inBucket(n))?.equals(video.truth.get(n) ?? Buffer.alloc(0)), {
        what: `the bucket has segment ${n} again`,
        timeout: 60_000,
      });
    }
    expect((await fetch(`${cdn.url}/renders/nobody/180p/0.m4s`)).status).toBe(404);
  },
);
if (!hasNginx)
  process.stderr.write(
    'skip: nginx is not installed (apt-get install nginx-light), so no CDN fails over here\n',
  );
