import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../../src/verify/report.ts';
import type { RuleId } from '../../../src/verify/rules.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { noAudioGroups } from '../../support/hls-muxer.ts';
import { type FolderServer, recipes, serveFolder } from './material.ts';

type Recipe = keyof typeof recipes;

let base: TemporaryFolder;
let server: FolderServer;

const folderOf = (name: string): string => join(base.path, name.replaceAll(' ', '-'));
const verify = (name: string): Promise<VerifyReport> =>
  verifyStream(`${server.url}/${name.replaceAll(' ', '-')}/index.m3u8`, {}, AbortSignal.timeout(60_000));
const isMade = (name: string): boolean => name !== 'ladder' || noAudioGroups === undefined;
const idsOf = ({ findings }: VerifyReport): RuleId[] => [...new Set(findings.map(({ check }) => check))];

beforeAll(async () => {
  base = await temporaryFolder();
  server = await serveFolder(base.path);
  for (const [name, make] of Object.entries(recipes)) {
    if (isMade(name)) await make(folderOf(name));
  }
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await base?.[Symbol.asyncDispose]();
});

/** What ffmpeg writes: container, codecs, and what is off by design of its muxer. Any build may add an edit list. */
const expected: readonly [Recipe, string, RegExp, readonly RuleId[]][] = [
  ['ts', 'ts', /^avc1\.42c00c,mp4a\.40\.2$/, []],
  ['ts with B-frames', 'ts', /^avc1\.64000c$/, []],
  ['ts in one file', 'ts', /^avc1\.42c00c,mp4a\.40\.2$/, []],
  ['ts with AES-128', 'ts', /^avc1\.42c00c$/, []],
  ['fmp4', 'fmp4', /^avc1\.42c00c$/, []],
  ['fmp4 in one file', 'fmp4', /^avc1\.42c00c$/, []],
  ['fmp4 with picture and sound', 'fmp4', /^avc1\.42c00c,mp4a\.40\.2$/, []],
  ['packed audio', 'packed', /^mp4a\.40\.2$/, ['audio.timestamp']],
  [
    'ladder',
    'ts',
    /^(avc1\.42c00[cd]|mp4a\.40\.2)$/,
    ['variant.average', 'variant.framerate', 'variant.bandwidth'],
  ],
];

describe('streams that ffmpeg writes', () => {
  it.each(expected.filter(([name]) => isMade(name)))('%s', async (name, container, codec, rules) => {
    const report = await verify(name);
    expect(idsOf(report).filter((id) => id !== 'box.elst')).toEqual(expect.arrayContaining([...rules]));
    expect(idsOf(report).filter((id) => id !== 'box.elst' && !rules.includes(id))).toEqual([]);
    for (const one of report.renditions) {
      expect([one.container, one.codec]).toEqual([container, expect.stringMatching(codec)]);
      expect(one.seconds).toBeCloseTo(8, 1);
      expect(one.fetched).toBe(one.listed);
    }
  });
});

/** Copies a stream and changes one file of it. */
async function broken(name: Recipe, file: string, change: (bytes: Buffer) => Buffer): Promise<RuleId[]> {
  const path = join(folderOf(name), file);
  const kept = `${path}.kept`;
  await copyFile(path, kept);
  try {
    await writeFile(path, change(await readFile(path)));
    const report = await verify(name);
    return [...report.findings, ...report.notes].map(({ check }) => check);
  } finally {
    await copyFile(kept, path);
  }
}

const text =
  (from: string | RegExp, to: string) =>
  (bytes: Buffer): Buffer => {
    const before = bytes.toString('utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${String(from)} is not there`);
    return Buffer.from(after);
  };
const packet = 188;
/** Replaces packets of a PID by null packets. */
const without =
  (pid: number) =>
  (bytes: Buffer): Buffer => {
    for (let at = 0; at < bytes.length; at += packet)
      if ((bytes.readUInt16BE(at + 1) & 0x1fff) === pid) bytes.writeUInt16BE(0x1fff, at + 1);
    return bytes;
  };

const defects: readonly [string, Recipe, string, (bytes: Buffer) => Buffer, RuleId][] = [
  ['half a packet', 'ts', 'index2.ts', (bytes) => bytes.subarray(0, -100), 'ts.packets'],
  [
    'zeros between packets',
    'ts',
    'index2.ts',
    (bytes) =>
      Buffer.concat([bytes.subarray(0, 5 * packet), Buffer.alloc(packet), bytes.subarray(5 * packet)]),
    'ts.packets',
  ],
  ['no PAT', 'ts', 'index2.ts', without(0), 'ts.tables'],
  ['no PMT', 'ts', 'index2.ts', without(0x1000), 'ts.tables'],
  [
    'lost packets',
    'ts',
    'index2.ts',
    (bytes) => Buffer.concat([bytes.subarray(0, 20 * packet), bytes.subarray(30 * packet)]),
    'ts.counters',
  ],
  [
    'the end of a segment only',
    'ts with B-frames',
    'index2.ts',
    // Behind the last program table, which some builds repeat ten times a second.
    (bytes) => bytes.subarray(bytes.length - packet),
    'ts.tables',
  ],
  [
    'segments in another order',
    'ts',
    'index.m3u8',
    text(/index1\.ts([^]*)index2\.ts/, 'index2.ts$1index1.ts'),
    'time.tfdt',
  ],
  [
    'a segment that is missing in between',
    'ts',
    'index.m3u8',
    text(/#EXTINF.*\nindex2\.ts\n/, ''),
    'time.tfdt',
  ],
  [
    'EXTINF that is half a second off',
    'ts',
    'index.m3u8',
    text(/#EXTINF:2\.0+,\nindex2/, '#EXTINF:1.500000,\nindex2'),
    'time.extinf',
  ],
  ['another key', 'ts with AES-128', 'key.bin', () => Buffer.alloc(16, 7), 'key.decrypt'],
  ['a key that is too short', 'ts with AES-128', 'key.bin', (bytes) => bytes.subarray(8), 'key.fetch'],
  [
    'a key that is not there',
    'ts with AES-128',
    'index.m3u8',
    text(/URI="key.bin"/g, 'URI="none.bin"'),
    'key.fetch',
  ],
  [
    'another IV',
    'ts with AES-128',
    'index.m3u8',
    text(/IV=0x[0-9a-f]+/g, `IV=0x${'0'.repeat(32)}`),
    'segment.format',
  ],
  [
    'encrypted segments without a key',
    'ts with AES-128',
    'index.m3u8',
    text(/#EXT-X-KEY.*\n/g, ''),
    'segment.format',
  ],
  ['DRM', 'ts with AES-128', 'index.m3u8', text(/METHOD=AES-128/g, 'METHOD=SAMPLE-AES'), 'key.method'],
  [
    'a range beyond the file',
    'ts in one file',
    'index.m3u8',
    text(/#EXT-X-BYTERANGE:\d+@0/, '#EXT-X-BYTERANGE:99999999@0'),
    'http.range',
  ],
  [
    'a range that is off by one',
    'ts in one file',
    'index.m3u8',
    text(/#EXT-X-BYTERANGE:(\d+)@0/, '#EXT-X-BYTERANGE:$1@1'),
    'segment.format',
  ],
  ['an init segment of another stream', 'fmp4', 'init.mp4', (bytes) => bytes.subarray(0, 24), 'box.init'],
  ['TS with a segment of fMP4', 'fmp4', 'index2.m4s', () => Buffer.from('<html>'), 'box.structure'],
  ['CODECS of something else', 'ladder', 'index.m3u8', text(/mp4a\.40\.2/g, 'ac-3'), 'variant.codecs'],
  ['a size of something else', 'ladder', 'index.m3u8', text('320x180', '640x360'), 'variant.resolution'],
  [
    'target durations that differ',
    'ladder',
    '1.m3u8',
    text('DURATION:2', 'DURATION:3'),
    'variant.targetduration',
  ],
  [
    'a discontinuity in one variant',
    'ladder',
    '1.m3u8',
    text(/#EXTINF(.*\n12?\.ts)/, '#EXT-X-DISCONTINUITY\n#EXTINF$1'),
    'variant.discontinuity',
  ],
  [
    'a variant that ends early',
    'ladder',
    '1.m3u8',
    text(/#EXTINF.*\n12\.ts\n#EXTINF.*\n13\.ts\n/, ''),
    'time.overhang',
  ],
  ['a variant that begins late', 'ladder', '1.m3u8', text(/#EXTINF.*\n10\.ts\n/, ''), 'time.starts'],
];

describe('streams that were broken', () => {
  it.each(defects.filter(([, name]) => isMade(name)))('%s', async (_, name, file, change, rule) => {
    expect(await broken(name, file, change)).toContain(rule);
  });
});

const image = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
const vtt = (from: string, to: string): string =>
  `WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n${from} --> ${to}\nHello\n`;
const list = (target: number, lines: readonly string[], tags = ''): string =>
  `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${target}\n#EXT-X-PLAYLIST-TYPE:VOD\n${tags}${lines.map((uri) => `#EXTINF:4.000000,\n${uri}\n`).join('')}#EXT-X-ENDLIST\n`;

/** A stream with everything beside its picture: subtitles, I-frames, images, steering with two pathways. */
function extras(changes: Readonly<Record<string, string>> = {}): Record<string, string | Buffer> {
  const variant = (pathway: string): string =>
    `#EXT-X-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=165500,CODECS="avc1.42c00c",RESOLUTION=320x180,FRAME-RATE=25.000,SUBTITLES="s",PATHWAY-ID="${pathway}"\n../fmp4/index.m3u8?p=${pathway}\n`;
  return {
    'index.m3u8': `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json",PATHWAY-ID="a"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,URI="sub.m3u8"
${variant('a')}${variant('b')}#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c00a",RESOLUTION=320x180,URI="../iframes/index.m3u8"
#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1000,CODECS="jpeg",RESOLUTION=160x90,URI="images.m3u8"
`,
    'sub.m3u8': list(4, ['0.vtt', '1.vtt']),
    'images.m3u8': list(4, ['0.jpg', '0.jpg'], '#EXT-X-IMAGES-ONLY\n'),
    'steering.json': JSON.stringify({ VERSION: 1, TTL: 300, 'PATHWAY-PRIORITY': ['a', 'b'] }),
    '0.vtt': vtt('00:01.000', '00:03.000'),
    '1.vtt': vtt('00:05.000', '00:07.000'),
    '0.jpg': image,
    ...changes,
  };
}

async function verifyExtras(changes: Readonly<Record<string, string>> = {}): Promise<VerifyReport> {
  await mkdir(folderOf('extras'), { recursive: true });
  for (const [name, body] of Object.entries(extras(changes)))
    await writeFile(join(folderOf('extras'), name), body);
  return verify('extras');
}

describe('a stream with subtitles, I-frames, images and steering', () => {
  it('is looked at as a whole', async () => {
    const report = await verifyExtras();
    const quality: RuleId[] = [
      'box.elst',
      'variant.peak',
      'variant.mean',
      'variant.codecs',
      'iframe.attributes',
    ];
    expect(report.findings.filter(({ check }) => !quality.includes(check))).toEqual([]);
    const containers = report.renditions.map(({ container }) => container ?? 'none');
    expect(containers.toSorted((a, b) => a.localeCompare(b)).join(' ')).toBe('fmp4 fmp4 fmp4 image webvtt');
    const examined = report.checks.filter(({ result }) => result !== 'skipped').map(({ id }) => id);
    const wanted: RuleId[] = [
      'vtt.cues',
      'vtt.map',
      'iframe.single',
      'image.format',
      'steering.pathways',
      'steering.same',
    ];
    expect(examined).toEqual(expect.arrayContaining(wanted));
  });

  it.each([
    ['cues ten seconds late', { '1.vtt': vtt('00:15.000', '00:17.000') }, 'vtt.cues'],
    ['no timestamp map', { '1.vtt': 'WEBVTT\n\n00:05.000 --> 00:07.000\nHello\n' }, 'vtt.map'],
    ['a cue that ends before it begins', { '1.vtt': vtt('00:07.000', '00:05.000') }, 'vtt.header'],
    ['subtitles that are a web page', { '1.vtt': '<!doctype html>' }, 'segment.format'],
    [
      'a pathway that nobody has',
      { 'steering.json': '{"VERSION":1,"TTL":300,"PATHWAY-PRIORITY":["c"]}' },
      'steering.pathways',
    ],
    [
      'steering without TTL',
      { 'steering.json': '{"VERSION":1,"PATHWAY-PRIORITY":["a"]}' },
      'steering.manifest',
    ],
    ['steering that is no JSON', { 'steering.json': 'sorry' }, 'steering.manifest'],
    [
      'images that are subtitles',
      { 'images.m3u8': list(4, ['0.vtt', '1.vtt'], '#EXT-X-IMAGES-ONLY\n') },
      'image.format',
    ],
  ] as const)('notices %s', async (_, changes, rule) => {
    const { findings, notes } = await verifyExtras(changes);
    expect([...findings, ...notes].map(({ check }) => check)).toContain(rule);
  });

  it('notices pictures that are no I-frames list', async () => {
    const whole = extras()['index.m3u8']?.toString().replace('../iframes/', '../fmp4/') ?? '';
    const { findings } = await verifyExtras({ 'index.m3u8': whole });
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['iframe.only', 'iframe.single']),
    );
  });
});

describe('a stream that changes its init segment', () => {
  /** Two streams one after the other, the second one in byte ranges. */
  async function joined(between: string): Promise<VerifyReport> {
    const linesOf = async (name: Recipe): Promise<string> => {
      const text = await readFile(join(folderOf(name), 'index.m3u8'), 'utf8');
      const folder = `../${name.replaceAll(' ', '-')}/`;
      const body = text.slice(text.indexOf('#EXT-X-MAP'), text.indexOf('#EXT-X-ENDLIST'));
      return body.replace('URI="', `URI="${folder}`).replaceAll(/^(?=[^#\n])/gm, folder);
    };
    await mkdir(folderOf('joined'), { recursive: true });
    const head =
      '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n';
    const body = `${await linesOf('fmp4')}${between}${await linesOf('fmp4 in one file')}#EXT-X-ENDLIST\n`;
    await writeFile(join(folderOf('joined'), 'index.m3u8'), head + body);
    return verify('joined');
  }

  it('is fine where a discontinuity says so, and not where none does', async () => {
    const report = await joined('#EXT-X-DISCONTINUITY\n');
    expect(idsOf(report).filter((id) => id !== 'box.elst')).toEqual([]);
    expect(report.renditions.map(({ listed, seconds }) => [listed, seconds])).toEqual([[8, 16]]);
    expect(idsOf(await joined(''))).toContain('time.tfdt');
  });
});
