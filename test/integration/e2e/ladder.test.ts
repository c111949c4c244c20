import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startStack, type TestStack } from '../../support/stack.ts';
import { until } from '../../support/wait.ts';

/** Quiet at first, then hard to encode, so that peak and mean are far apart. */
const description = {
  segue: 1,
  kind: 'timeline',
  size: { width: 480, height: 270 },
  fps: 25,
  duration: 20,
  seed: 5,
  tracks: [
    { clips: [{ length: 20, asset: { type: 'color', color: '#224466' } }] },
    { clips: [{ start: 10, length: 6, asset: { type: 'pattern', pattern: 'static' } }] },
    { clips: [{ start: 2, length: 12, asset: { type: 'text', text: 'Spoken & <shown>' } }] },
    { clips: [{ length: 20, asset: { type: 'tone' }, volume: 0.2 }] },
  ],
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ env: { SEGUE_PROFILE: 'ladder', SEGUE_ON_DEMAND: 'none' } });
});
afterAll(() => stack?.stop());

const statusSchema = z.object({ state: z.string(), sealed: z.boolean(), renderId: z.string() });

const read = async (url: string): Promise<string> => {
  const answer = await fetch(url);
  expect(answer.status, url).toBe(200);
  return answer.text();
};
const attribute = (line: string, name: string): string =>
  new RegExp(`[:,]${name}=(?:"([^"]*)"|([^,]*))`)
    .exec(line)
    ?.slice(1)
    .find((value) => value !== undefined) ?? '';

/** Durations and sizes of what a media playlist lists, from its text and the objects themselves. */
async function measured(url: string): Promise<{ seconds: number; bytes: number }[]> {
  const text = await read(url);
  const entries = [...text.matchAll(/#EXTINF:([\d.]+),\n(?:#[^\n]*\n)*([^#\n]+)/g)];
  return Promise.all(
    entries.map(async ([, seconds, uri = '']) => {
      const bytes = (await (await fetch(new URL(uri, url))).arrayBuffer()).byteLength;
      return { seconds: Number(seconds), bytes };
    }),
  );
}

/** The peak as RFC 8216 4.1 has it, written down anew: runs of half to one and a half target durations. */
function peakOf(segments: readonly { seconds: number; bytes: number }[], target: number): number {
  const runs = segments.flatMap((_, from) =>
    segments.slice(from).map((_, length) => segments.slice(from, from + length + 1)),
  );
  const rates = runs.flatMap((run) => {
    const seconds = run.reduce((sum, one) => sum + one.seconds, 0);
    const bits = 8 * run.reduce((sum, one) => sum + one.bytes, 0);
    return seconds >= target / 2 && seconds <= target * 1.5 ? [bits / seconds] : [];
  });
  return Math.max(...rates);
}

test('a ladder is listed as it was measured, and the bucket alone plays all of it', async () => {
  const posted = await fetch(`${stack.url}/v1/videos`, { method: 'POST', body: JSON.stringify(description) });
  const { id, url } = z.object({ id: z.string(), url: z.string() }).parse(await posted.json());
  const bound = Number(attribute(await read(url), 'BANDWIDTH'));
  const status = async () => statusSchema.parse(await (await fetch(`${stack.url}/v1/videos/${id}`)).json());
  await until(async () => (await status()).sealed, { what: 'it is sealed', timeout: 180_000 });

  const text = await read(url);
  const media = await read(new URL('270p/media.m3u8', url).href);
  // Where the service sends the first segment: everything else of the render lies beside it.
  const segment = await until(
    async () => {
      const answer = await fetch(new URL('270p/0.m4s', url));
      await answer.arrayBuffer();
      return answer.redirected ? answer : undefined;
    },
    { what: 'the service sends viewers to the bucket' },
  );
  const bucket = new URL('../index.m3u8', segment.url).href;
  const sealed = await read(bucket);
  const target = Number(/TARGETDURATION:(\d+)/.exec(media)?.[1]);

  for (const [index, list] of [
    [url, text],
    [bucket, sealed],
  ] as const) {
    const audio = /TYPE=AUDIO.*URI="([^"]+)"/.exec(list)?.[1] ?? '';
    const sound = peakOf(await measured(new URL(audio, index).href), target);
    const variants = [...list.matchAll(/(#EXT-X-STREAM-INF:.*)\n(.*)/g)];
    expect(variants.map(([, line = '']) => attribute(line, 'RESOLUTION'))).toEqual(['480x270', '320x180']);
    for (const [, line = '', uri = ''] of variants) {
      const segments = await measured(new URL(uri, index).href);
      const peak = peakOf(segments, target) + sound;
      expect(Math.abs(Number(attribute(line, 'BANDWIDTH')) / peak - 1), line).toBeLessThan(0.1);
      expect(Number(attribute(line, 'AVERAGE-BANDWIDTH'))).toBeLessThan(Number(attribute(line, 'BANDWIDTH')));
    }
    const [stills = ''] = /#EXT-X-I-FRAME-STREAM-INF:.*/.exec(list) ?? [];
    const iframes = await measured(new URL(attribute(stills, 'URI'), index).href);
    expect(Math.abs(Number(attribute(stills, 'BANDWIDTH')) / peakOf(iframes, target) - 1)).toBeLessThan(0.1);
    expect(list).toMatch(/#EXT-X-IMAGE-STREAM-INF:.*URI="thumbnails\//);
    expect(list).toContain('TYPE=SUBTITLES');
  }
  expect(Number(attribute(text, 'BANDWIDTH'))).toBeLessThan(bound);

  // The copy in the bucket names nothing outside of itself, and all that it names is there.
  const uris = [...sealed.matchAll(/^[^#\n].*$|URI="([^"]+)"/gm)].map(([line, uri]) => uri ?? line);
  expect(uris.toSorted((a, b) => a.localeCompare(b))).toEqual([
    '180p/media.m3u8',
    '270p/media.m3u8',
    'audio/media.m3u8',
    'iframes/media.m3u8',
    'subtitles/media.m3u8',
    'thumbnails/media.m3u8',
  ]);
  const words = await read(new URL('subtitles/0.vtt', bucket).href);
  expect(words).toContain('00:00:02.000 --> 00:00:14.000\nSpoken &amp; &lt;shown&gt;\n');
  expect(await read(new URL('subtitles/media.m3u8', bucket).href)).toContain('#EXTINF:20.000000,\n0.vtt\n');
  const strip = await read(new URL('thumbnails.vtt', bucket).href);
  const pictures = [...strip.matchAll(/^.*\.jpg$/gm)].map(([name]) => name);
  expect(pictures).toHaveLength([...media.matchAll(/EXTINF/g)].length);
  for (const name of [...pictures, 'poster/0.jpg']) {
    const picture = await fetch(new URL(name, bucket));
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    await picture.arrayBuffer();
  }
}, 300_000);
