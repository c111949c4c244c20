import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBucket } from '../../../src/stack/bucket.ts';
import { s3ClientOf, startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { descendants, living } from '../../support/processes.ts';
import { until } from '../../support/wait.ts';

const body = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const key = 'renders/abc/720p~2/0.m4s';

let bucket: TestBucket;
let url: string;
beforeAll(async () => {
  bucket = await startTestBucket();
  url = `${bucket.settings.publicUrl}/${key}`;
  const Bucket = bucket.settings.bucket;
  await bucket.s3.send(
    new PutObjectCommand({ Bucket, Key: key, Body: body, ContentType: 'video/iso.segment' }),
  );
  const playlist = { Bucket, Key: 'renders/abc/index.m3u8', Body: '#EXTM3U\n', CacheControl: 'no-cache' };
  await bucket.s3.send(new PutObjectCommand(playlist));
});
afterAll(async () => {
  await bucket.stop();
});

async function read(headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(url, { method, headers });
  return {
    response,
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

describe('public route', () => {
  test('GET: the bytes, cacheable for ever, readable by any page', async () => {
    const { status, headers, bytes } = await read({ origin: 'https://viewer.example' });
    expect(status).toBe(200);
    expect(bytes.equals(body)).toBe(true);
    expect(headers.get('content-type')).toBe('video/iso.segment');
    expect(headers.get('content-length')).toBe('1000');
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-expose-headers')).toContain('content-range');
    expect(headers.get('accept-ranges')).toBe('bytes');
  });

  test('HEAD: the same headers without a body', async () => {
    const { status, headers, bytes } = await read({}, 'HEAD');
    expect([status, bytes.length, headers.get('content-length')]).toEqual([200, 0, '1000']);
    expect(headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/);
  });

  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=990-', 990, 999],
    ['bytes=990-5000', 990, 999],
    ['bytes=-5', 995, 999],
    ['bytes=-5000', 0, 999],
  ])('Range %s', async (range, first, last) => {
    const { status, headers, bytes } = await read({ range });
    expect([status, headers.get('content-range')]).toEqual([206, `bytes ${first}-${last}/1000`]);
    expect(bytes.equals(body.subarray(first, last + 1))).toBe(true);
  });

  test.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('Range %s cannot be satisfied', async (range) => {
    const { status, headers } = await read({ range });
    expect([status, headers.get('content-range')]).toEqual([416, 'bytes */1000']);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test.each(['bytes=20-10', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-'])(
    'Range %s is ignored',
    async (range) => {
      const { status, bytes } = await read({ range });
      expect([status, bytes.length]).toEqual([200, 1000]);
    },
  );

  test('If-None-Match and If-Range', async () => {
    const etag = (await read()).headers.get('etag') ?? '';
    expect((await read({ 'if-none-match': `"other", W/${etag}` })).status).toBe(304);
    expect((await read({ 'if-none-match': '*' })).status).toBe(304);
    expect((await read({ 'if-none-match': '"other"' })).status).toBe(200);
    expect((await read({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206);
    expect((await read({ range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200);
  });

  test('OPTIONS and other methods', async () => {
    const preflight = await read({ 'access-control-request-method': 'GET' }, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('GET');
    const put = await read({}, 'PUT');
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test.each(['/', '/renders/none.m4s', '/%E0%A4%A'])(
    '%s is not there, and that is not cached',
    async (path) => {
      const response = await fetch(`${bucket.settings.publicUrl}${path}`);
      await response.body?.cancel();
      expect([response.status, response.headers.get('cache-control')]).toEqual([404, 'no-store']);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    },
  );

  test('types by name and the stored cache-control', async () => {
    const response = await fetch(`${bucket.settings.publicUrl}/renders/abc/index.m3u8`);
    expect(await response.text()).toBe('#EXTM3U\n');
    expect(response.headers.get('cache-control')).toBe('no-cache');
  });
});

test('conditional writes hold', async () => {
  const { s3, settings } = bucket;
  const again = s3.send(
    new PutObjectCommand({ Bucket: settings.bucket, Key: key, Body: 'other', IfNoneMatch: '*' }),
  );
  await expect(again).rejects.toMatchObject({ name: 'PreconditionFailed' });
  expect((await read()).bytes.equals(body)).toBe(true);
});

test('a wrong key is refused', async () => {
  const s3 = s3ClientOf({ ...bucket.settings, secretAccessKey: 'guessed' });
  const get = s3.send(new GetObjectCommand({ Bucket: bucket.settings.bucket, Key: key }));
  await expect(get).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  s3.destroy();
});

test('support: keys and empty', async () => {
  await using own = await startTestBucket();
  for (const Key of ['b/2', 'a/1'])
    await own.s3.send(new PutObjectCommand({ Bucket: own.settings.bucket, Key, Body: 'x' }));
  expect(await own.keys()).toEqual(['a/1', 'b/2']);
  expect(await own.keys('b/')).toEqual(['b/2']);
  await own.empty();
  expect(await own.keys()).toEqual([]);
});

describe('across starts', () => {
  const keys = { host: '127.0.0.1', accessKeyId: 'id', secretAccessKey: 'secret' };

  test('same addresses, objects kept, also after kill -9 of all its processes', async () => {
    await using folder = await temporaryFolder();
    const first = await startBucket({ dataFolder: folder.path, ...keys });
    const s3 = s3ClientOf(first.settings);
    await s3.send(new PutObjectCommand({ Bucket: first.settings.bucket, Key: 'kept', Body: 'one' }));
    await first.stop();
    await using second = await startBucket({ dataFolder: folder.path, ...keys });
    expect(second.settings).toEqual(first.settings);
    await s3.send(new PutObjectCommand({ Bucket: first.settings.bucket, Key: 'kept-too', Body: 'two' }));
    second.kill();
    await second.exited;
    await using third = await startBucket({ dataFolder: folder.path, ...keys });
    for (const [name, text] of [
      ['kept', 'one'],
      ['kept-too', 'two'],
    ] as const) {
      const response = await fetch(`${third.settings.publicUrl}/${name}`);
      expect(await response.text()).toBe(text);
    }
    s3.destroy();
  });

  test('kill -9 of its Node process takes the server with it', async () => {
    await using folder = await temporaryFolder();
    await using part = await startBucket({ dataFolder: folder.path, ...keys });
    process.kill(part.pid, 'SIGKILL');
    expect(await part.exited).toBe('signal SIGKILL');
    await until(
      () =>
        fetch(part.url).then(
          () => false,
          () => true,
        ),
      { what: 'nobody listens', timeout: 60_000 },
    );
  });

  test('kill -9 of the server below it: back on the same address with what it had', async () => {
    await using folder = await temporaryFolder();
    await using part = await startBucket({ dataFolder: folder.path, ...keys });
    const s3 = s3ClientOf(part.settings);
    await s3.send(new PutObjectCommand({ Bucket: part.settings.bucket, Key: 'kept', Body: 'one' }));
    s3.destroy();
    const server = descendants(part.pid).find(({ command }) => command.includes('workerd serve'));
    expect(server).toBeDefined();
    process.kill(server?.pid ?? 0, 'SIGKILL');
    const text = () => fetch(`${part.url}/kept`).then((response) => response.text());
    const isBack = async () => living(descendants(part.pid)).length > 1 && (await text()) === 'one';
    await until(isBack, { what: 'it answers with what it had', timeout: 60_000 });
  });
});
