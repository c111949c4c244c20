import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import HLS from 'hls-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { VerifyReport } from '../../../src/verify/report.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';
import { lookInto } from '../../unit/verify/playlists.ts';

HLS.setOptions({ strictMode: true, silent: true });

const example = fileURLToPath(new URL('../../../examples/minimal.json', import.meta.url));
const posted = z.object({ id: z.string(), url: z.string() });
/** What may be off while a video is made: BANDWIDTH is announced before there is anything to measure, and a segment that was waited for is not to be cached. */
const announced = ['variant.peak', 'variant.mean', 'cache.segment'];

let stack: TestStack;

beforeAll(async () => {
  // A ladder has all that the default has, and several pictures.
  stack = await startStack({ env: { SEGUE_PROFILE: 'ladder' } });
});

afterAll(async () => {
  await stack?.stop();
});

/** Posts the smallest example with another seed and length, and returns the address of its stream. */
async function post(seed: number, duration: number): Promise<string> {
  const description = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(example, 'utf8')));
  const clips = [{ start: 0, length: duration, asset: { type: 'pattern', pattern: 'testcard' } }];
  const answer = await fetch(`${stack.url}/v1/videos`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...description, seed, duration, tracks: [{ clips }] }),
  });
  const { url } = posted.parse(await answer.json());
  return new URL(url, stack.url).href;
}

/** A playlist, once there is one: a growing list waits for its first segment, but not for ever. */
const read = (url: string): Promise<string> =>
  until(
    async () => {
      const answer = await fetch(url);
      const text = await answer.text();
      return answer.ok ? text : undefined;
    },
    { what: `${url} is listed`, timeout: 60_000 },
  );

/** Every playlist of a stream: the multivariant one and all that it names. */
async function playlistsOf(url: string): Promise<string[]> {
  const text = await read(url);
  const named = [...text.matchAll(/^[^#\n].*$|(?<=URI=")[^"]+/gm)].map(([uri]) => new URL(uri, url).href);
  return [text, ...(await Promise.all(named.map(read)))];
}

/** A picture is waited for a few seconds only; then whoever wants it is told to ask again. */
const isLatePicture = ({ check, message }: VerifyReport['findings'][number]): boolean =>
  check === 'http.status' && /^503 at \S+\.jpg, retry-after/.test(message);
const problems = ({ findings }: VerifyReport): VerifyReport['findings'] =>
  findings.filter((each) => !announced.includes(each.check) && !isLatePicture(each));

describe('the playlists of our own service', () => {
  it.each(['', '?mode=event'])('are accepted by hls-parser and break no rule%s', async (query) => {
    const url = `${await post(query.length, 6)}${query}`;
    const playlists = await playlistsOf(url);
    expect(playlists.length).toBeGreaterThan(2);
    for (const text of playlists) {
      expect(() => HLS.parse(text)).not.toThrow();
      expect(lookInto(text).filter(({ level }) => level === 'error')).toEqual([]);
    }
  });

  it('pass the whole check while the video is made', async () => {
    const report = await verifyStream(await post(7, 9), {}, AbortSignal.timeout(200_000));
    expect(problems(report)).toEqual([]);
    expect(
      report.renditions
        .map(({ kind }) => kind)
        .toSorted((a, b) => a.localeCompare(b))
        .join(' '),
    ).toBe('audio image video video video video');
  }, 240_000);

  it('never change a listed line while they grow, until the end', async () => {
    const url = `${await post(8, 20)}?mode=event`;
    await playlistsOf(url);
    const report = await verifyStream(url, { watchMs: 150_000 }, AbortSignal.timeout(200_000));
    const watched = report.renditions.map(({ watch }) => watch);
    expect(watched.length).toBeGreaterThan(1);
    // A list that does not grow cannot change a line either.
    expect(watched.some((one) => (one?.appended ?? 0) > 0)).toBe(true);
    for (const one of watched) if (one !== null) expect(one).toMatchObject({ ended: true, removed: 0 });
    // How fast this machine renders is another question.
    expect(
      problems(report).filter(({ check }) => check !== 'watch.late' && check !== 'm3u8.endlist'),
    ).toEqual([]);
  }, 240_000);
});
