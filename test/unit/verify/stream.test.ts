import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { printReport } from '../../../src/verify/print.ts';
import { ruleIds } from '../../../src/verify/rules.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { initSegment } from './boxes-fixture.ts';
import { at, edit, type Files, goodStream, segments, serveFiles, setSegment } from './stream-fixture.ts';

const verify = async (files: Files, options: { quick?: boolean } = {}, path = '/index.m3u8') => {
  await using server = await serveFiles(files);
  return await verifyStream(
    `${server.url}${path}`,
    { timeoutMs: 5000, ...options },
    AbortSignal.timeout(20_000),
  );
};

/** Ids of the checks that found something. */
const found = async (files: Files, options: { quick?: boolean } = {}): Promise<string[]> =>
  (await verify(files, options)).checks.flatMap(({ id, result }) =>
    result === 'error' || result === 'warning' ? [id] : [],
  );

const video = '/720p/media.m3u8';
const audio = '/audio/media.m3u8';
const header = (path: string, name: string, value: string | undefined) => (files: Files) => {
  const { headers } = at(files, path);
  if (value === undefined) delete headers[name];
  else headers[name] = value;
};
const replace = (path: string, from: string | RegExp, to: string) => (files: Files) =>
  edit(files, path, from, to);
const redirect =
  (status: number, location: string, cacheControl = 'no-store') =>
  (files: Files) => {
    files.set('/cdn/3.m4s', at(files, '/720p/3.m4s'));
    const headers = { location, 'access-control-allow-origin': '*', 'cache-control': cacheControl };
    files.set('/720p/3.m4s', { status, headers, body: Buffer.alloc(0) });
  };
const segment =
  (folder: '720p' | 'audio', n: number, defects: Parameters<typeof setSegment>[4], frames?: number) =>
  (files: Files) =>
    setSegment(files, folder, n, frames, defects);
/** A media playlist that still grows. */
const growing = (files: Files) => {
  for (const path of [video, audio]) {
    edit(files, path, 'TYPE:VOD', 'TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES');
    edit(files, path, '#EXT-X-ENDLIST\n', '');
    at(files, path).headers['cache-control'] = 'no-cache';
  }
};

/** Each breaks one thing of a good stream, and names the checks that must notice, and no other. */
const defects: readonly [string, (files: Files) => void, readonly string[]][] = [
  ['a segment is not there', (files) => files.delete('/720p/3.m4s'), ['http.status']],
  ['a connection is cut', header('/720p/3.m4s', 'content-length', '100000'), ['http.body']],
  ['a segment lacks CORS', header('/720p/3.m4s', 'access-control-allow-origin', undefined), ['http.cors']],
  ['CORS names one origin', header(video, 'access-control-allow-origin', 'https://a.example'), ['http.cors']],
  ['a playlist is plain text', header(video, 'content-type', 'text/plain'), ['http.type']],
  [
    'a segment is an octet stream',
    header('/audio/3.m4s', 'content-type', 'application/octet-stream'),
    ['http.type'],
  ],
  [
    'a compressed segment',
    (files) => {
      const file = at(files, '/720p/3.m4s');
      Object.assign(file.headers, { 'content-encoding': 'gzip', vary: 'accept-encoding' });
      file.body = gzipSync(file.body);
    },
    ['http.gzip'],
  ],
  [
    'gzip without vary',
    (files) => {
      const file = at(files, video);
      file.headers['content-encoding'] = 'gzip';
      file.body = gzipSync(file.body);
    },
    ['http.gzip'],
  ],
  ['a redirect for ever', redirect(301, '/cdn/3.m4s'), ['http.redirect']],
  ['a redirect to where it is just now', redirect(303, '/cdn/3.m4s'), []],
  ['a redirect that is kept', redirect(307, '/cdn/3.m4s', 'public, max-age=86400'), ['cache.redirect']],
  ['a redirect to nowhere', redirect(307, '/nowhere'), ['http.status']],
  ['a redirect in a circle', redirect(307, '/720p/3.m4s'), ['http.status']],
  [
    'a redirect to another scheme',
    redirect(307, 'https://127.0.0.1:9/3.m4s'),
    ['http.status', 'http.scheme'],
  ],
  ['a playlist says nothing of caching', header(video, 'cache-control', undefined), ['cache.playlist']],
  ['a finished playlist is never cached', header(video, 'cache-control', 'no-store'), ['cache.playlist']],
  ['a segment is never cached', header('/720p/3.m4s', 'cache-control', 'no-store'), ['cache.segment']],
  ['a held answer may be cached', segment('720p', 3, { free: 2 }), ['cache.held']],
  ['a byte order mark', replace(video, '#EXTM3U', '\uFEFF#EXTM3U'), ['m3u8.text']],
  ['a control character', replace(video, '#EXT-X-ENDLIST', '# \u0007\n#EXT-X-ENDLIST'), ['m3u8.text']],
  ['no #EXTM3U', replace(video, '#EXTM3U\n', ''), ['m3u8.extm3u']],
  ['a version too low for EXT-X-MAP', replace(video, 'VERSION:7', 'VERSION:4'), ['m3u8.version']],
  ['a version too low for decimals', replace(video, 'VERSION:7', 'VERSION:2'), ['m3u8.version']],
  ['a tag twice', replace(video, '#EXT-X-VERSION:7', '#EXT-X-VERSION:7\n#EXT-X-VERSION:7'), ['m3u8.once']],
  ['an unquoted URI', replace(video, '"init.mp4"', 'init.mp4'), ['m3u8.attributes']],
  [
    'an attribute twice',
    replace('/index.m3u8', 'DEFAULT=YES', 'DEFAULT=YES,DEFAULT=NO'),
    ['m3u8.attributes', 'variant.peak', 'variant.mean'],
  ],
  [
    'no target duration',
    replace(video, '#EXT-X-TARGETDURATION:1\n', ''),
    ['m3u8.targetduration', 'variant.targetduration'],
  ],
  [
    'a URI without EXTINF',
    replace(video, '#EXTINF:1.000000,\n3.m4s', '3.m4s'),
    ['m3u8.extinf', 'm3u8.parser'],
  ],
  [
    'EXTINF without a comma',
    replace(video, '#EXTINF:1.000000,\n3.m4s', '#EXTINF:1.000000\n3.m4s'),
    ['m3u8.extinf'],
  ],
  [
    'VOD without an end',
    (files) => {
      edit(files, video, '#EXT-X-ENDLIST\n', '');
      at(files, video).headers['cache-control'] = 'no-cache';
    },
    ['m3u8.vod'],
  ],
  ['no EXT-X-MAP', replace(video, '#EXT-X-MAP:URI="init.mp4"\n', ''), ['m3u8.map']],
  [
    'not declared independent',
    replace('/index.m3u8', '#EXT-X-INDEPENDENT-SEGMENTS\n', ''),
    ['m3u8.independent'],
  ],
  ['a stream that still grows', growing, []],
  [
    'a growing playlist that is cached',
    (files) => {
      growing(files);
      at(files, video).headers['cache-control'] = 'max-age=60';
    },
    ['cache.playlist'],
  ],
  [
    'a growing playlist that is joined at its end',
    (files) => {
      growing(files);
      edit(files, video, '#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES\n', '');
    },
    ['m3u8.start'],
  ],
  ['a variant without BANDWIDTH', replace('/index.m3u8', 'BANDWIDTH=18500,', ''), ['variant.attributes']],
  [
    'a rendition without GROUP-ID',
    replace('/index.m3u8', 'GROUP-ID="audio",', ''),
    ['variant.attributes', 'variant.group', 'variant.peak', 'variant.mean'],
  ],
  [
    'a group that is not there',
    replace('/index.m3u8', 'AUDIO="audio"\n', 'AUDIO="sound"\n'),
    ['variant.group', 'variant.peak', 'variant.mean'],
  ],
  ['wrong video codec', replace('/index.m3u8', 'avc1.64001f', 'avc1.42c01e'), ['variant.codecs']],
  ['wrong audio codec', replace('/index.m3u8', 'mp4a.40.2', 'mp4a.40.5'), ['variant.codecs']],
  ['no RESOLUTION', replace('/index.m3u8', ',RESOLUTION=1280x720', ''), ['variant.described']],
  ['wrong RESOLUTION', replace('/index.m3u8', '1280x720', '1920x1080'), ['variant.resolution']],
  [
    'a segment over BANDWIDTH',
    segment('720p', 3, { bytesPerSample: 2000 }),
    ['variant.bandwidth', 'variant.mean'],
  ],
  [
    'target durations that differ',
    replace(audio, 'TARGETDURATION:1', 'TARGETDURATION:2'),
    ['variant.targetduration'],
  ],
  [
    'a segment that ends in the middle of a box',
    (files) => {
      const file = at(files, '/720p/3.m4s');
      file.body = file.body.subarray(0, -100);
    },
    ['box.structure'],
  ],
  [
    'a web page instead of a segment',
    (files) => {
      at(files, '/720p/3.m4s').body = Buffer.from('<!doctype html><title>Not found</title>');
    },
    ['box.structure'],
  ],
  [
    'an init segment without mvex',
    (files) => {
      at(files, '/720p/init.mp4').body = initSegment('video', { withoutMvex: true });
    },
    ['box.init'],
  ],
  [
    'an edit list',
    (files) => {
      at(files, '/720p/init.mp4').body = initSegment('video', { editList: true });
    },
    ['box.elst', 'time.ends'],
  ],
  ['another track', segment('720p', 3, { trackId: 2 }), ['box.track']],
  ['samples beyond mdat', segment('720p', 3, { missingBytes: 7 }), ['box.samples']],
  ['a gap of one unit', segment('720p', 3, { shift: 1 }), ['time.exact']],
  ['a gap of 2 ms', segment('720p', 3, { shift: 50 }), ['time.tfdt']],
  ['an overlap', segment('audio', 3, { shift: -1024 }), ['time.tfdt']],
  [
    'EXTINF that is 2 ms off',
    replace(video, '#EXTINF:1.000000,\n3.m4s', '#EXTINF:1.002000,\n3.m4s'),
    ['time.rounded'],
  ],
  ['a segment with a frame too many', segment('720p', 3, { samplesMore: 1 }), ['time.tfdt', 'time.extinf']],
  ['a segment that begins with no sync sample', segment('720p', 3, { notSync: true }), ['time.sync']],
  [
    'a segment that begins with no sync sample, and does not say that it does',
    (files) => {
      replace('/index.m3u8', '#EXT-X-INDEPENDENT-SEGMENTS\n', '')(files);
      segment('720p', 3, { notSync: true })(files);
    },
    ['m3u8.independent', 'time.idr'],
  ],
  [
    'audio that ends 98 ms early',
    (files) => {
      setSegment(files, 'audio', segments - 1, 38, {});
      edit(files, audio, `#EXTINF:1.002667,\n${segments - 1}.m4s`, `#EXTINF:0.810667,\n${segments - 1}.m4s`);
    },
    ['time.ends'],
  ],
];

describe('verifyStream', () => {
  it('finds nothing in a good stream, and looks at all of it', async () => {
    const report = await verify(goodStream());
    expect(report.findings).toEqual([]);
    expect(report.result).toBe('ok');
    expect(
      report.renditions.map(({ name, fetched, seconds, codec }) => [name, fetched, seconds, codec]),
    ).toEqual([
      ['audio', segments, 8.021333, 'mp4a.40.2'],
      ['720p', segments, 8, 'avc1.64001f'],
    ]);
    const examined = report.checks.filter(({ result }) => result !== 'skipped').map(({ id }) => id);
    expect(examined).toEqual(
      expect.arrayContaining(['http.cors', 'm3u8.version', 'variant.codecs', 'time.tfdt', 'watch.bytes']),
    );
    expect(report.notes.map(({ check }) => check)).toEqual(['variant.language', 'variant.several']);
  });

  it.each(defects)('%s', async (_, breakIt, expected) => {
    const files = goodStream();
    breakIt(files);
    expect(await found(files)).toEqual(ruleIds.filter((id) => expected.includes(id)));
  });

  it('finds a damaged gzip stream, and then knows nothing of that rendition', async () => {
    const files = goodStream();
    const file = at(files, video);
    Object.assign(file.headers, { 'content-encoding': 'gzip', vary: 'accept-encoding' });
    file.body = gzipSync(file.body).subarray(0, -6);
    const report = await verify(files);
    expect(report.findings.map(({ check, where }) => [check, where])).toEqual([['http.gzip', '720p']]);
    expect(report.renditions.map(({ name }) => name)).toEqual(['audio']);
  });

  it('finds what each EXTINF hides: a drift that adds up', async () => {
    const files = goodStream();
    const count = 80;
    let list = '';
    for (let n = 0; n < count; n += 1) {
      setSegment(files, '720p', n, undefined, {});
      list += `#EXTINF:0.999100,\n${n}.m4s\n`;
    }
    edit(files, video, /(#EXTINF:.*\n.*\n)+/, list);
    const report = await verify(files, {}, video);
    expect(report.findings.map(({ check }) => check)).toEqual(['m3u8.independent', 'time.total']);
  });

  it('accepts answers that were held, and says so', async () => {
    const files = goodStream();
    setSegment(files, '720p', 3, undefined, { free: 4 });
    at(files, '/720p/3.m4s').headers['cache-control'] = 'no-store';
    const report = await verify(files);
    expect(report.result).toBe('ok');
    const renditions = report.renditions.filter(({ name }) => name === '720p');
    expect(renditions[0]?.segments.map(({ held }) => held)).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('says where each segment came from', async () => {
    const files = goodStream();
    redirect(307, '/cdn/3.m4s')(files);
    at(files, '/720p/4.m4s').headers['x-segue-source'] = 'node-1';
    await using server = await serveFiles(files);
    const report = await verifyStream(`${server.url}/index.m3u8`, {}, AbortSignal.timeout(20_000));
    expect(report.findings).toEqual([]);
    const host = new URL(server.url).host;
    expect(report.renditions.find(({ name }) => name === '720p')?.sources).toEqual({
      [host]: 7,
      'node-1': 1,
    });
    const told = report.renditions
      .find(({ name }) => name === '720p')
      ?.segments.map(({ source }) => source.told);
    expect(told?.slice(2, 5)).toEqual(['host', 'redirect', 'header']);
  });

  it('samples long streams, and still sees a gap between samples', async () => {
    const files = goodStream();
    const count = 60;
    for (const [folder, seconds] of [
      ['720p', '1.000000'],
      ['audio', '1.002667'],
    ] as const) {
      let list = '';
      for (let n = 0; n < count; n += 1) {
        // From the middle on everything is 40 ms late.
        setSegment(files, folder, n, undefined, folder === '720p' && n >= 30 ? { shift: 1000 } : {});
        list += `#EXTINF:${seconds},\n${n}.m4s\n`;
      }
      edit(files, `/${folder}/media.m3u8`, /(#EXTINF:.*\n.*\n)+/, list);
    }
    const report = await verify(files, { quick: true });
    expect(report.sampled).toBe(true);
    expect(report.renditions.every(({ fetched, listed }) => fetched < 15 && listed === count)).toBe(true);
    const findings = report.findings.filter(({ check }) => check !== 'time.ends');
    expect(findings.map(({ check }) => check)).toEqual(['time.tfdt']);
  });

  it('keeps 20 findings a check, and counts all', async () => {
    const files = goodStream();
    let list = '';
    for (let n = 0; n < 30; n += 1) list += `#EXTINF:1.000000,\nmissing-${n}.m4s\n`;
    edit(files, video, /(#EXTINF:.*\n.*\n)+/, list);
    const report = await verify(files);
    expect(report.checks.find(({ id }) => id === 'http.status')?.findings).toBe(30);
    expect(report.findings.filter(({ check }) => check === 'http.status')).toHaveLength(20);
    expect(printReport(report)).toContain('and 25 more');
  });

  it('takes a permanent redirect for no error: HTTP allows it', async () => {
    const files = goodStream();
    redirect(308, '/cdn/3.m4s')(files);
    const report = await verify(files);
    expect(report.findings.map(({ check, level }) => [check, level])).toEqual([['http.redirect', 'warning']]);
    expect(report.result).toBe('warning');
  });

  it('has nothing to report on where there is no playlist', async () => {
    const files = goodStream();
    await expect(verify(files, {}, '/nothing.m3u8')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(verify(files, {}, '/720p/init.mp4')).rejects.toMatchObject({ code: 'invalid_request' });
    const gone = verifyStream('http://127.0.0.1:9/index.m3u8', {}, AbortSignal.timeout(20_000));
    await expect(gone).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    await using server = await serveFiles(goodStream());
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(verifyStream(`${server.url}/index.m3u8`, { onProgress }, stop.signal)).rejects.toThrow(
      'enough',
    );
  });

  it('prints findings with the rule and the way out', async () => {
    const files = goodStream();
    setSegment(files, '720p', 3, undefined, { notSync: true });
    const text = printReport(await verify(files));
    expect(text).toContain(
      'ERROR    Video segments that are declared independent begin with a sync sample  [time.sync; RFC 8216 4.3.5.1]',
    );
    expect(text).toContain('           720p #3: its first sample is not a sync sample');
    expect(text).toContain('-> Force an IDR frame');
    expect(text).toMatch(/FAILED {2}\d+ checks ok, 2 notes, 0 warnings, 1 errors/);
  });
});
