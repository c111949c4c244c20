import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tally } from '../../src/catalog/findings.ts';
import { abortHalfUploads } from '../../src/copy/half-uploads.ts';
import type { BucketSettings } from '../../src/ops/settings.ts';
import { type Bucket, openBucket } from '../../src/store/bucket.ts';
import { s3ClientOf } from './bucket.ts';
import { temporaryFolder } from './folder.ts';

/** What a provider under contract is. */
export interface Provider extends AsyncDisposable {
  readonly settings: BucketSettings;
}

const type = { contentType: 'video/mp4', cacheControl: 'public, max-age=60' };

/**
 * The behaviour that copying relies on, the same for every S3 implementation. `listsUploads`: whether it lists multipart uploads
 * that are under way, which not every one does.
 */
export function bucketContract(
  name: string,
  start: () => Promise<Provider>,
  { listsUploads }: { readonly listsUploads: boolean },
): void {
  describe(`the bucket contract on ${name}`, () => {
    let provider: Provider;
    let bucket: Bucket;
    beforeAll(async () => {
      provider = await start();
      bucket = openBucket(provider.settings);
    });
    afterAll(async () => {
      bucket?.close();
      await provider?.[Symbol.asyncDispose]();
    });

    test('an object is stored once, with its bytes, and found again', async () => {
      const object = { key: 'renders/a/720p/0.m4s', data: Buffer.from('segment'), ...type };
      expect(await bucket.size(object.key)).toBeUndefined();
      expect(await bucket.put(object)).toBe('stored');
      expect(await bucket.size(object.key)).toBe(7);
      expect(Buffer.from((await bucket.get(object.key)) ?? [])).toEqual(object.data);
      expect(await bucket.put(object), 'the answer to the first PUT was lost').toBe('was-there');
    });

    test('an object with other bytes is refused and left alone', async () => {
      const key = 'renders/a/720p/1.m4s';
      await bucket.put({ key, data: Buffer.from('first'), ...type });
      await expect(bucket.put({ key, data: Buffer.from('other'), ...type })).rejects.toMatchObject({
        code: 'internal',
        retryable: false,
      });
      expect(Buffer.from((await bucket.get(key)) ?? []).toString()).toBe('first');
    });

    test('an object that replaces others does, small or large, whatever was there', async () => {
      const key = 'renders/a/index.m3u8';
      for (const data of [Buffer.from('first'), Buffer.from('second'), Buffer.alloc(9 << 20, 'third')]) {
        expect(await bucket.put({ key, data, replaces: true, ...type })).toBe('stored');
        expect(Buffer.compare(Buffer.from((await bucket.get(key)) ?? []), data)).toBe(0);
      }
    });

    test('an object above the part size goes up in parts and comes back whole', async () => {
      const data = Buffer.alloc(9 * 1024 * 1024 + 17, 'segue');
      const key = 'renders/a/720p/2.m4s';
      expect(await bucket.put({ key, data, ...type })).toBe('stored');
      expect(Buffer.compare(Buffer.from((await bucket.get(key)) ?? []), data)).toBe(0);
    });

    test('a file is stored and streamed back', async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'asset');
      const data = Buffer.alloc(300_000, 'asset');
      await writeFile(path, data);
      await bucket.putFile('assets/ab', path, 'application/octet-stream');
      const pieces: Uint8Array[] = [];
      for await (const piece of (await bucket.stream('assets/ab')) ?? []) pieces.push(piece);
      expect(Buffer.compare(Buffer.concat(pieces), data)).toBe(0);
      expect(await bucket.stream('assets/none')).toBeUndefined();
    });

    test('listing finds every object below a prefix, over pages too', async () => {
      const client = s3ClientOf(provider.settings);
      const keys = Array.from({ length: 1003 }, (_, n) => `list/${String(n).padStart(4, '0')}`);
      for (let at = 0; at < keys.length; at += 50) {
        const some = keys.slice(at, at + 50);
        const Bucket = provider.settings.bucket;
        await Promise.all(
          some.map((Key) => client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('x') }))),
        );
      }
      client.destroy();
      const found: string[] = [];
      for await (const { key, bytes } of bucket.list('list/')) {
        expect(bytes).toBe(1);
        found.push(key);
      }
      expect(found.sort()).toEqual(keys);
    });

    test('deleting twice is as good as once', async () => {
      await bucket.put({ key: 'gone', data: Buffer.from('x'), ...type });
      await bucket.delete('gone');
      await bucket.delete('gone');
      expect(await bucket.size('gone')).toBeUndefined();
    });

    test('listing is in the order of names, byte by byte', async () => {
      const keys = [
        'order/-',
        'order/-/a',
        'order/A/b',
        'order/a-/0',
        'order/a/0',
        'order/a0/0',
        'order/a_/0',
      ];
      for (const key of keys.toReversed()) await bucket.put({ key, data: Buffer.from('x'), ...type });
      const found: string[] = [];
      for await (const { key } of bucket.list('order/')) found.push(key);
      expect(found).toEqual(keys);
    });

    test('uploads that were begun and never ended are aborted once they are old; or it is told that nobody lists them', async () => {
      const client = s3ClientOf(provider.settings);
      const Bucket = provider.settings.bucket;
      const begun = new Map<string, string>();
      const keys = ['renders/h/180p/0.m4s', 'assets/half', 'elsewhere/half'];
      for (const Key of keys) {
        const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
        const part = { Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.from('half of it') };
        await client.send(new UploadPartCommand(part));
        begun.set(Key, UploadId);
      }
      const abort = async (graceSeconds: number) => {
        const found = tally();
        await abortHalfUploads({ bucket, tally: found, graceSeconds }, AbortSignal.timeout(60_000));
        const [group] = found.report().findings;
        return { uploads: found.uploads, aborted: group?.examples.map((one) => one.name).sort() ?? [] };
      };
      const uploads = listsUploads ? 'checked' : 'unsupported';
      expect(await abort(3600), 'they are young').toEqual({ uploads, aborted: [] });
      // The provider's clock is its own.
      const old = await abort(-3600);
      expect(old).toEqual({ uploads, aborted: listsUploads ? ['assets/half', 'renders/h/180p/0.m4s'] : [] });
      expect(await abort(-3600)).toEqual({ uploads, aborted: [] });
      for (const [Key, UploadId] of begun) {
        const another = { Bucket, Key, UploadId, PartNumber: 2, Body: Buffer.from('the rest') };
        const isOver = await client.send(new UploadPartCommand(another)).then(
          () => false,
          () => true,
        );
        expect(isOver, Key).toBe(listsUploads && Key !== 'elsewhere/half');
        await bucket.abortUpload({ key: Key, uploadId: UploadId });
        expect(await bucket.size(Key)).toBeUndefined();
      }
      client.destroy();
    });

    test('wrong keys are refused with a hint, and without the secret', async () => {
      const wrong = openBucket({ ...provider.settings, secretAccessKey: 'not-the-secret-at-all' });
      const refusal = wrong.put({ key: 'x', data: Buffer.from('x'), ...type });
      await expect(refusal).rejects.toMatchObject({
        code: 'bucket_unavailable',
        hint: expect.stringContaining('S3_SECRET_ACCESS_KEY') as string,
      });
      await expect(refusal).rejects.not.toThrow(/not-the-secret/);
      wrong.close();
    });
  });
}
