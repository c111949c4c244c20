import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openBucket } from '../../../src/store/bucket.ts';

/** What was asked of a server that takes everything, as S3 answers. */
async function takingServer() {
  const puts: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    puts.push({ path: request.url ?? '', headers: request.headers });
    const hash = createHash('md5');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://bucket');
      response.setHeader('etag', `"${hash.digest('hex')}"`);
      if (request.method === 'HEAD') return response.setHeader('content-length', 6 * 1024 * 1024).end();
      if (url.searchParams.has('uploads'))
        return response.end(
          '<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>',
        );
      return response.end(
        '<CompleteMultipartUploadResult><ETag>"all"</ETag></CompleteMultipartUploadResult>',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { puts, url, [Symbol.asyncDispose]: stop };
}

const object = { key: 'renders/r/180p/0.m4s', contentType: 'video/mp4', cacheControl: 'no-store' };

test('storage class, tags and part size go with an object; without a rule nothing of them does', async () => {
  await using server = await takingServer();
  const bucket = openBucket({
    endpoint: server.url,
    bucket: 'b',
    region: 'auto',
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    publicUrl: server.url,
  });
  const data = Buffer.alloc(1000, 1);
  await bucket.put({ ...object, data });
  await bucket.put({ ...object, data, storageClass: 'STANDARD_IA', tags: { kind: 'film', 'a b': 'c&d' } });
  const large = Buffer.alloc(6 * 1024 * 1024, 2);
  await bucket.put({ ...object, data: large, partBytes: 5 * 1024 * 1024, storageClass: null, tags: {} });
  bucket.close();
  const [plain, ruled] = server.puts;
  expect(plain?.headers).not.toHaveProperty('x-amz-storage-class');
  expect(plain?.headers).not.toHaveProperty('x-amz-tagging');
  expect(ruled?.headers).toMatchObject({ 'x-amz-storage-class': 'STANDARD_IA' });
  expect(Object.fromEntries(new URLSearchParams(String(ruled?.headers['x-amz-tagging'])))).toEqual({
    kind: 'film',
    'a b': 'c&d',
  });
  const parts = server.puts.filter(({ path }) => path.includes('partNumber='));
  expect(parts.map(({ headers }) => Number(headers['content-length'])).sort((a, b) => a - b)).toEqual([
    1024 * 1024,
    5 * 1024 * 1024,
  ]);
});
