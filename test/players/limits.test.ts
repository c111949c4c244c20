import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, startStage } from './stage.ts';

// What AVPlayer and Media3, which cannot run here, ask of a server: docs/PLAYERS.md names each of these tests.

let stage: Stage;
let slow: { id: string; url: string };
let stored: { id: string; url: string };

beforeAll(async () => {
  stage = await startStage();
  const cues = [{ start: 0, length: 5, text: 'one' }];
  stored = await stage.post(10, 0, { subtitles: [{ language: 'en', cues }] });
  await stage.field.reach(stored.id, 'everything is copied', (status) => status.state === 'stored');
  // A segment of it takes some 10 s.
  slow = await stage.post(40, 200);
});
afterAll(() => stage?.[Symbol.asyncDispose]());

/** A player's request from a page of another origin, redirects not followed. */
const ask = (url: string) =>
  fetch(url, { redirect: 'manual', headers: { origin: 'https://page.example', range: 'bytes=0-' } });

/** Media playlists of a video, by URL. */
async function mediaPlaylists({ url }: { url: string }): Promise<Map<string, string>> {
  const text = await (await fetch(url)).text();
  const uris = [...text.matchAll(/URI="([^"]+\.m3u8[^"]*)"|^([^#\s]\S*\.m3u8\S*)$/gm)].map(
    (match) => new URL(match[1] ?? match[2] ?? '', url).href,
  );
  return new Map(await Promise.all(uris.map(async (uri) => [uri, await (await fetch(uri)).text()] as const)));
}

/** What the content type of each kind of file is like. */
const types: Readonly<Record<string, RegExp>> = {
  m3u8: /^application\/vnd\.apple\.mpegurl/,
  mp4: /^(video|audio)\/mp4$/,
  m4s: /^(video|audio)\/mp4$/,
  jpg: /^image\/jpeg$/,
  vtt: /^text\/vtt/,
};

const lines = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
/** The stable URL of a segment of the video rendition. */
const segment = ({ url }: { url: string }, n: number) => url.replace('index.m3u8', `180p/${n}.m4s`);

test('playlists are answered where they are asked for, never by a redirect', async () => {
  for (const url of [stored.url, ...(await mediaPlaylists(stored)).keys()]) {
    const answer = await ask(url);
    expect([url, answer.status]).toEqual([url, 200]);
    expect(answer.headers.get('content-type')).toContain('application/vnd.apple.mpegurl');
  }
});

test('playlists, init segments, segments, pictures and text have their types, and any origin may read them', async () => {
  const seen = new Set<string>();
  const check = async (url: string) => {
    const extension = new URL(url).pathname.split('.').at(-1) ?? '';
    const answers = [await ask(url)];
    const location = answers[0]?.headers.get('location');
    if (typeof location === 'string') answers.push(await ask(location));
    for (const { headers } of answers)
      expect([url, headers.get('access-control-allow-origin')]).toEqual([url, '*']);
    expect([200, 206]).toContain(answers.at(-1)?.status);
    expect(answers.at(-1)?.headers.get('content-type'), url).toMatch(types[extension] ?? 'a known extension');
    seen.add(extension);
  };
  await check(stored.url);
  for (const [uri, text] of await mediaPlaylists(stored)) {
    const map = /EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
    const first = lines(text)[0] ?? '';
    for (const one of [uri, first, ...(map === undefined ? [] : [map])]) await check(new URL(one, uri).href);
  }
  expect([...seen].toSorted()).toEqual(Object.keys(types).toSorted());
});

test('a segment is redirected with 307, to the scheme of S3_PUBLIC_URL, where any origin may read it', async () => {
  const answer = await ask(segment(stored, 1));
  expect(answer.status).toBe(307);
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  const target = new URL(answer.headers.get('location') ?? '');
  expect(target.origin).toBe(stage.cdn.url);
  expect(target.pathname).toMatch(/\.m4s$/);
  // A browser that was redirected to another origin says so.
  const object = await fetch(target, { headers: { origin: 'null', range: 'bytes=0-' } });
  expect([200, 206]).toContain(object.status);
  expect(object.headers.get('access-control-allow-origin')).toBe('*');
});

test('names end in what they are', async () => {
  expect(new URL(slow.url).pathname).toMatch(/\.m3u8$/);
  for (const [uri, text] of await mediaPlaylists(slow)) {
    expect(new URL(uri).pathname).toMatch(/\.m3u8$/);
    for (const line of lines(text)) expect(line).toMatch(/\.(m4s|jpg|vtt)$/);
    const map = /EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
    if (map !== undefined) expect(map).toMatch(/\.mp4$/);
  }
});

test('all lists have one target duration, and no EXTINF rounds above it', async () => {
  const texts = [...(await mediaPlaylists(slow)).values()];
  const targets = texts.map((text) => Number(/EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1]));
  expect(new Set(targets).size).toBe(1);
  const durations = texts.flatMap((text) =>
    [...text.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1])),
  );
  expect(Math.max(...durations.map(Math.round))).toBeLessThanOrEqual(targets[0] ?? 0);
});

test('a segment that is being made is never silent for 8 s, and never 4xx or 503', async () => {
  let at = performance.now();
  const answer = await ask(segment(slow, 7));
  expect([200, 206]).toContain(answer.status);
  // Until the head came it was silent, too.
  let longest = performance.now() - at;
  let bytes = 0;
  const reader = answer.body?.getReader();
  for (at = performance.now(); ; at = performance.now()) {
    const next = await reader?.read();
    longest = Math.max(longest, performance.now() - at);
    if (next?.done !== false) break;
    bytes += next.value.length;
  }
  expect(bytes).toBeGreaterThan(1000);
  expect(longest).toBeLessThan(8000);
});
