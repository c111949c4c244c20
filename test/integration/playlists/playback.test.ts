import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { expiryOf } from '../../../playlists/playback.ts';
import { openCatalog } from '../../../src/catalog/connect.ts';
import { recordCopies } from '../../../src/catalog/copies.ts';
import { videoStatus } from '../../../src/cli/overview/video-status.ts';
import { videoStatus as makeStatus } from '../../../src/cli/video-client.ts';
import { urlSigner } from '../../../src/node/sign.ts';
import type { AdmissionSettings } from '../../../src/ops/admission-settings.ts';
import { segmentName } from '../../../src/store/names.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { serve } from '../asset/kit.ts';
import { segmentBytes, startTestNode } from './node.ts';
import { adminToken, admission, description, leaseSeconds, post, secret, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const start = async (changed: Partial<AdmissionSettings> = { signedSeconds: 3600 }) => {
  const databaseUrl = await postgres.createDatabase();
  const service = await startService(databaseUrl, 'http://cdn.example.org', {
    admission: { ...admission, ...changed },
  });
  return { databaseUrl, service };
};

/** What `GET /v1/videos/{id}` tells. */
const told = async (
  url: string,
  id: string,
  headers: Record<string, string> = {},
): Promise<{ readonly renderId?: string }> =>
  (await fetch(`${url}/v1/videos/${id}`, { headers })).json() as Promise<{ renderId?: string }>;

/** Every URL in a playlist, as a player resolves it. */
const urlsIn = (playlist: string, base: string): string[] =>
  [...playlist.matchAll(/URI="([^"]+)"|^([^#\s].*)$/gm)].map(
    ([, attribute, line]) => new URL(attribute ?? line ?? '', base).href,
  );

const maxAge = (answer: Response): number =>
  Number(/^public, max-age=(\d+)$/.exec(answer.headers.get('cache-control') ?? '')?.[1] ?? Number.NaN);

/** The life of a signature: an hour, rounded up to the next quarter. */
const longest = 3600 + 900;

test('everything that plays has the signature of the URL that was handed out, and needs it', async () => {
  const { databaseUrl, service } = await start();
  await using stopping = service;
  await using a = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds, aheadSeconds: 60 });
  const video = await post(stopping.url, description(4));
  expect(video.url).toMatch(new RegExp(`/v/${video.id}~\\d{10}~[\\w-]{43}/index\\.m3u8$`));
  const index = await fetch(video.url);
  expect(index.status).toBe(200);
  const lists = urlsIn(await index.text(), video.url);
  expect(lists.length).toBeGreaterThan(3);
  let checked = 0;
  for (const list of lists) {
    const answer = await fetch(list);
    expect([list, answer.status]).toEqual([list, 200]);
    expect(maxAge(answer)).toBeGreaterThan(3500);
    expect(maxAge(answer)).toBeLessThanOrEqual(longest);
    for (const url of urlsIn(await answer.text(), list).slice(0, 2)) {
      expect(url).toContain(`/v/${video.id}~`);
      const part = await fetch(url);
      expect([url, part.status]).toEqual([url, 200]);
      expect(maxAge(part)).toBeLessThanOrEqual(longest);
      const plain = url.replace(/~[^/]+/, '');
      expect((await fetch(plain)).status, plain).toBe(403);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(6);
  for (const name of ['thumbnails.vtt', 'poster.jpg', 'steering.json']) {
    expect((await fetch(new URL(name, video.url))).status, name).toBe(200);
    const refused = await fetch(`${stopping.url}/v/${video.id}/${name}`);
    expect(refused.status, name).toBe(403);
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('access-control-allow-origin'), 'a player on a page can tell').toBe('*');
  }
  const steering = (await (await fetch(new URL('steering.json', video.url))).json()) as {
    'RELOAD-URI': string;
  };
  expect(steering['RELOAD-URI']).toContain(`/v/${video.id}~`);
  expect(a.requests.length).toBeGreaterThan(0);
});

test('a signature is for one video, and ends', async () => {
  const { service } = await start();
  await using stopping = service;
  const [one, two] = [await post(stopping.url, description(4)), await post(stopping.url, description(4, 1))];
  const other = one.url.replace(one.id, two.id);
  expect((await fetch(other)).status).toBe(403);
  const [, expiry = '', signature = ''] = /~(\d+)~([\w-]+)\//.exec(one.url) ?? [];
  expect((await fetch(one.url.replace(expiry, String(Number(expiry) + 1)))).status).toBe(403);
  expect((await fetch(one.url.replace(signature, 'A'.repeat(43)))).status).toBe(403);
  const signed = async (expiresAt: number, path = `/v/${one.id}/`) => {
    const query = new URLSearchParams(await urlSigner(secret).sign(path, expiresAt));
    return `${stopping.url}/v/${one.id}~${query.get('e')}~${query.get('s')}/index.m3u8`;
  };
  expect((await fetch(await signed(Date.now() - 1000))).status).toBe(403);
  expect((await fetch(await signed(Date.now() + 60_000))).status).toBe(200);
  // What a node accepts for a segment opens nothing here.
  expect((await fetch(await signed(Date.now() + 60_000, `/s/${one.id}/`))).status).toBe(403);
});

test('many viewers share a URL; who only knows an id gets none that plays, who has a key does', async () => {
  // Within a quarter of an hour: on a clock that stands still.
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 0, 1, 12, 7));
  onTestFinished(() => clock.mockRestore());
  const { service } = await start();
  await using stopping = service;
  const video = await post(stopping.url, description(4));
  expect((await post(stopping.url, description(4))).url).toBe(video.url);
  const status = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`${stopping.url}/v1/videos/${video.id}`, { headers });
    return (await answer.json()) as { url: string; urlExpiresAt?: string };
  };
  const anybody = await status();
  expect(anybody.urlExpiresAt).toBeUndefined();
  expect((await fetch(anybody.url)).status).toBe(403);
  const known = await status({ authorization: `Bearer ${adminToken}` });
  expect(known.url).toBe(video.url);
  expect(Date.parse(known.urlExpiresAt ?? '')).toBeGreaterThan(Date.now() + 3_590_000);
});

test('where URLs are not signed, signed ones play all the same, as long as they like', async () => {
  const { service } = await start({});
  await using stopping = service;
  const video = await post(stopping.url, description(4));
  expect(video.url).toBe(`${stopping.url}/v/${video.id}/index.m3u8`);
  const old = video.url.replace(video.id, `${video.id}~1~${'A'.repeat(43)}`);
  expect((await fetch(old)).status).toBe(200);
});

test('an expiry is at least so far away, and the same for all who ask within a quarter of it', () => {
  const life = 3_600_000;
  const begun = Date.UTC(2026, 0, 1, 12, 7);
  expect(expiryOf(begun, life)).toBeGreaterThanOrEqual(begun + life);
  expect(expiryOf(begun, life)).toBeLessThan(begun + life * 1.25);
  expect(expiryOf(begun + 60_000, life)).toBe(expiryOf(begun, life));
  expect(expiryOf(begun + life / 4, life)).toBe(expiryOf(begun, life) + life / 4);
});

/** The status of a path that is sent as it is: clients that know URLs resolve its dot segments before. */
const rawStatus = (base: string, path: string, headers: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    httpRequest({ hostname, port, path, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

/** A CDN in front of objects: the function that ships for CloudFront, and what it lets through. */
async function startCdn(objects: ReadonlyMap<string, Uint8Array>, cdnSecret: string) {
  const file = new URL('../../../infra/cloudfront/signed-playback.js', import.meta.url);
  const source = (await readFile(file, 'utf8')).replace('the value of SEGUE_CDN_SECRET', cdnSecret);
  const context = vm.createContext({ require: createRequire(import.meta.url), Date, Number });
  vm.runInContext(source, context);
  const handler = context['handler'] as (event: object) => {
    statusCode?: number;
    uri: string;
    querystring: object;
  };
  const server = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://cdn');
    // As it was sent: CloudFront resolves no dot segments.
    const [uri = ''] = (request.url ?? '').split('?', 1);
    const querystring = Object.fromEntries([...url.searchParams].map(([name, value]) => [name, { value }]));
    const result = handler({ request: { method: request.method, uri, querystring } });
    const object = objects.get(result.uri?.slice(1));
    response.writeHead(result.statusCode ?? (object === undefined ? 404 : 200), {
      'x-left': JSON.stringify(result.querystring ?? null),
      'content-length': object?.byteLength ?? 0,
    });
    response.end(request.method === 'HEAD' ? undefined : object);
  });
  return { url: `http://${server.host}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test('with a CDN that asks for it, what is in the bucket is signed too, and nothing is had past the CDN', async () => {
  const cdnSecret = 'a secret that service and CDN share';
  const objects = new Map<string, Uint8Array>();
  await using cdn = await startCdn(objects, cdnSecret);
  const databaseUrl = await postgres.createDatabase();
  const settings = { admission: { ...admission, signedSeconds: 3600, cdnSecret } };
  await using service = await startService(databaseUrl, cdn.url, settings);
  const catalog = openCatalog(databaseUrl);
  onTestFinished(() => catalog.close());
  const video = await post(service.url, description(20));
  const { renderId = '' } = await told(service.url, video.id, { authorization: `Bearer ${adminToken}` });
  for (const rendition of ['180p', 'audio']) {
    for (let n = 0; n < 8; n += 1)
      objects.set(segmentName(renderId, rendition, n, 'fmp4'), segmentBytes(rendition, n));
    await recordCopies(catalog.db, renderId, rendition, 'bucket', [[0, 8]]);
  }
  const list =
    urlsIn(await (await fetch(video.url)).text(), video.url).find((url) => url.includes('180p/media')) ?? '';
  expect(list).toContain('sealed=8');
  const playlist = await (await fetch(list)).text();
  expect(await (await fetch(list)).text(), 'one URL, one text').toBe(playlist);
  const stored = urlsIn(playlist, list).filter((url) => url.startsWith(cdn.url));
  expect(stored).toHaveLength(8);
  for (const url of stored) {
    const got = await fetch(url);
    expect([url, got.status]).toEqual([url, 200]);
    expect(got.headers.get('x-left'), 'no part of the cache key').toBe('{}');
    await got.arrayBuffer();
  }
  const [first = ''] = stored;
  const query = new URL(first).searchParams;
  expect((await fetch(first.split('?')[0] ?? '')).status).toBe(403);
  expect((await fetch(first.replace(/e=\d+/, 'e=4000000000'))).status).toBe(403);
  expect((await fetch(first.replace(renderId, 'other'))).status).toBe(403);
  const past = await urlSigner(cdnSecret).sign(`/renders/${renderId}/`, Date.now() - 1000);
  expect((await fetch(`${first.split('?')[0]}?${past}`)).status).toBe(403);
  // A stable URL is redirected to a signed one, which ends with it.
  const redirected = await fetch(new URL('180p/1.m4s', video.url), { redirect: 'manual' });
  const location = new URL(redirected.headers.get('location') ?? '');
  expect(location.searchParams.get('e')).toBe(query.get('e'));
  expect((await fetch(location)).status).toBe(200);
  // The CDN itself turns to the service for what the bucket has lost; nobody else may.
  const object = `${service.url}/${segmentName(renderId, '180p', 0, 'fmp4')}`;
  expect((await fetch(object)).status).toBe(403);
  const unknown = `${service.url}/renders/${renderId}/180p/nothing`;
  expect((await fetch(unknown, { headers: { 'x-segue-cdn': cdnSecret } })).status).toBe(404);
});

test('a signature for one render opens no other through dot segments, at the CDN or at the service behind it', async () => {
  const cdnSecret = 'a secret that service and CDN share';
  const names = [
    '180p/0.m4s',
    '180p/init.mp4',
    'main/init-12.mp4',
    'main/3.ts',
    'index.m3u8',
    'thumbnails.vtt',
  ];
  const objects = new Map(names.map((name) => [`renders/A-_0/${name}`, new Uint8Array(1)]));
  await using cdn = await startCdn(objects, cdnSecret);
  const query = await urlSigner(cdnSecret).sign('/renders/A-_0/', Date.now() + 60_000);
  for (const name of names)
    expect(await rawStatus(cdn.url, `/renders/A-_0/${name}?${query}`), name).toBe(200);
  const settings = { admission: { ...admission, signedSeconds: 3600, cdnSecret } };
  await using service = await startService(await postgres.createDatabase(), cdn.url, settings);
  const headers = { 'x-segue-cdn': cdnSecret };
  expect(await rawStatus(service.url, '/renders/B/180p/0.m4s?a=/../%2e', headers)).toBe(404);
  for (const path of [
    '/renders/A-_0/../B/180p/0.m4s',
    '/renders/A-_0/%2e%2e/B/180p/0.m4s',
    '/renders/A-_0/.%2E/B/180p/0.m4s',
    '/renders/A-_0/..%2fB/180p/0.m4s',
    '/renders/A-_0/..\\B/180p/0.m4s',
    '/renders/A-_0/180p/../../B/180p/0.m4s',
    '/renders/A-_0/180p/./0.m4s',
    '/renders/A-_0/..',
  ]) {
    expect(await rawStatus(cdn.url, `${path}?${query}`), path).toBe(403);
    expect(await rawStatus(service.url, path, headers), path).toBe(400);
  }
});

test('without a CDN that checks signatures, nobody has objects by their name', async () => {
  const { databaseUrl, service } = await start();
  await using stopping = service;
  await using node = await startTestNode({ id: 'a', databaseUrl, secret, leaseSeconds, aheadSeconds: 60 });
  const video = await post(stopping.url, description(4));
  const list = new URL('180p/media.m3u8', video.url);
  const [first = ''] = urlsIn(await (await fetch(list)).text(), list.href).filter((url) =>
    url.endsWith('0.m4s'),
  );
  expect((await fetch(first)).status).toBe(200);
  const [renderId = ''] = node.disk.renders();
  const refused = await fetch(`${stopping.url}/${segmentName(renderId, '180p', 0, 'fmp4')}`);
  expect(refused.status).toBe(403);
  expect(await refused.text()).toContain('SEGUE_CDN_SECRET');
  expect(refused.headers.get('cache-control')).toBe('no-store');
});

test('who only knows an id is told neither the render nor the nodes, who has a key is', async () => {
  const { service } = await start();
  await using stopping = service;
  const video = await post(stopping.url, description(4));
  const headers = { authorization: `Bearer ${adminToken}` };
  const known = await told(stopping.url, video.id, headers);
  for (const field of ['renderId', 'renditions.0.nodes', 'lease']) expect(known).toHaveProperty(field);
  const made = await fetch(`${stopping.url}/v1/streams`, { method: 'POST', headers });
  const stream = (await made.json()) as { id: string };
  expect(await told(stopping.url, stream.id, headers)).toHaveProperty('renderId');
  for (const { id } of [video, stream]) {
    const anybody = await told(stopping.url, id);
    expect(anybody).toMatchObject({ id, renditions: expect.any(Array), exposureSeconds: expect.any(Number) });
    expect(JSON.stringify(anybody)).not.toMatch(/"(?:renderId|nodes|lease)"/);
  }
  // Commands read both answers; an operator's token has the URL that plays.
  const shown = async (token?: string): Promise<string> => {
    const lines: string[] = [];
    const output = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    const options = { server: stopping.url, ...(token === undefined ? {} : { token }) };
    expect([await videoStatus(video.id, options, output), lines]).toEqual([0, lines]);
    return lines.join('\n');
  };
  expect(await shown()).not.toMatch(/^rendered |~/m);
  expect(await shown(adminToken)).toMatch(/^play +\S+~\S+\nrendered +by nobody now$/m);
  expect((await makeStatus(stopping.url, video.id, AbortSignal.timeout(10_000))).state).toBe('waiting');
});
