import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { leaseOf } from '../../../src/catalog/leases.ts';
import { foreignRenditions } from '../../../src/catalog/streams.ts';
import { until } from '../../support/wait.ts';
import { type IngestNode, list, startIngestNode, ts } from './node-kit.ts';

let node: IngestNode;
beforeAll(async () => {
  node = await startIngestNode();
});
afterAll(() => node[Symbol.asyncDispose]());
beforeEach(() => {
  node.onQuery = () => undefined;
});

const master = [
  '#EXTM3U',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8"',
  '#EXT-X-STREAM-INF:BANDWIDTH=900,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=25,AUDIO="sound"',
  'v.m3u8',
].join('\n');

test.each(['a restart', 'ten silent seconds'])(
  'what the multivariant playlist said once is still known after %s',
  async (how) => {
    const stream = await node.stream();
    await stream.put('index.m3u8', master);
    for (const name of ['v', 'a']) {
      await stream.put(`${name}0.ts`, ts(1));
      await stream.put(`${name}.m3u8`, list([`${name}0.ts`]));
    }
    const before = await foreignRenditions(node.catalog.db, stream.renderId);
    expect(before).toMatchObject([
      { kind: 'audio', attributes: { role: 'media', groupId: 'sound', language: 'en', isDefault: true } },
      {
        kind: 'video',
        attributes: { role: 'variant', bandwidth: 900, width: 320, frameRate: 25, audioGroup: 'sound' },
      },
    ]);
    if (how === 'a restart') {
      await node.restart();
    } else {
      node.pass(11_000);
      const lease = async () => (await leaseOf(node.catalog.db, stream.renderId)) === undefined;
      await until(lease, { what: 'the stream is let go of' });
    }
    for (const name of ['v', 'a']) {
      await stream.put(`${name}1.ts`, ts(2, 30));
      await stream.put(`${name}.m3u8`, list([`${name}0.ts`, `${name}1.ts`]));
    }
    const [audio, video] = await foreignRenditions(node.catalog.db, stream.renderId);
    expect(video).toEqual(before[1]);
    // Its bandwidth is measured, and grows.
    const { bandwidth } = audio?.attributes ?? {};
    expect(bandwidth).toBeGreaterThan(before[0]?.attributes.bandwidth ?? 0);
    expect(audio).toEqual({ ...before[0], attributes: { ...before[0]?.attributes, bandwidth } });
  },
);

test('two keys with one CRC-32 are two keys, also after a restart', async () => {
  const keys = ['3ce83f544dbe69bb4fb19211fc442c2f', '42ba6b440ce7e780160e3c46ad2807c2'].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  const stream = await node.stream();
  const keyLine = (n: number) => `#EXT-X-KEY:METHOD=AES-128,URI="${n}.key",IV=0x${'0'.repeat(32)}`;
  const lines: string[] = [];
  for (const [n, key] of [...keys, ...keys].entries()) {
    if (n === 2) await node.restart();
    await stream.put(`${n}.key`, new Uint8Array(key));
    await stream.put(`${n}.ts`, ts(n));
    lines.push(keyLine(n), `${n}.ts`);
    expect(await stream.put('out.m3u8', list(lines))).toMatchObject({ body: { admitted: 1 } });
  }
  const files = (await stream.rows()).map(({ key }) => key?.file);
  expect(files).toEqual(['key-0.key', 'key-1.key', 'key-0.key', 'key-1.key']);
});
