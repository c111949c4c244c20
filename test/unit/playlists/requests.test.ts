import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { readText } from '../../../playlists/body-text.ts';
import { clientAddress } from '../../../playlists/client.ts';
import { crcText, portableCrc32 } from '../../../playlists/crc32.ts';
import { acceptsGzip, textBody } from '../../../playlists/gzip.ts';
import { parsePath } from '../../../playlists/render-facts.ts';
import type { RequestVariables } from '../../../playlists/service.ts';
import { rangeOf } from '../../../src/ops/range.ts';

describe('Range', () => {
  test.each([
    [undefined, { kind: 'whole' }],
    ['bytes=0-', { kind: 'part', from: 0, to: 100 }],
    ['bytes=0-0', { kind: 'part', from: 0, to: 1 }],
    ['bytes=90-200', { kind: 'part', from: 90, to: 100 }],
    ['bytes=-10', { kind: 'part', from: 90, to: 100 }],
    ['bytes=-200', { kind: 'part', from: 0, to: 100 }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=5-4', { kind: 'whole' }],
    ['bytes=-', { kind: 'whole' }],
    ['bytes=0-1,5-6', { kind: 'whole' }],
    ['items=0-1', { kind: 'whole' }],
  ])('%s', (header, expected) => {
    expect(rangeOf(header, 100, '"e"')).toEqual(expected);
  });

  test('If-Range that does not match asks for the whole', () => {
    expect(rangeOf('bytes=0-1', 100, '"e"', '"e"')).toEqual({ kind: 'part', from: 0, to: 2 });
    expect(rangeOf('bytes=0-1', 100, '"e"', '"other"')).toEqual({ kind: 'whole' });
  });
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51234', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['0:0:0:0:0:FFFF:cb00:7107', '203.0.113.7'],
  ['[::ffff:cb00:7107]:443', '203.0.113.7'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['[2001:DB8:0:0:1::1]:443', '2001:db8:0:0::/64'],
  ['[2001:0db8::2]', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  // What is no address is that of the connection.
  ['unknown', '192.0.2.1'],
  ['203.0.113.700', '192.0.2.1'],
  ['010.0.0.1', '192.0.2.1'],
  ['[::1]:80/x]', '192.0.2.1'],
  ['1:2:3', '192.0.2.1'],
  ['', '192.0.2.1'],
])('behind a proxy, "%s" counts as %s', async (told, expected) => {
  const app = new Hono<{ Variables: RequestVariables }>();
  const ports = { settings: { admission: { trustedProxies: 1 } }, addressOf: () => '::ffff:192.0.2.1' };
  app.get('/', (c) => c.text(clientAddress(c, ports)));
  const answer = await app.request('/', { headers: { 'x-forwarded-for': `10.9.9.9, ${told}` } });
  expect(await answer.text()).toBe(expected);
});

test('the portable CRC-32 is that of zlib', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => portableCrc32(bytes) === crc32(bytes)));
  expect(crcText(portableCrc32(new TextEncoder().encode('123456789')))).toBe('cbf43926');
  expect(crcText(1)).toBe('00000001');
});

test('gzip is used by those who take it', async () => {
  const cases = {
    gzip: true,
    'br, gzip;q=0.5': true,
    '*': true,
    'gzip;q=0': false,
    'gzip;q=0.0, br': false,
    br: false,
  };
  for (const [header, expected] of Object.entries(cases))
    expect([header, acceptsGzip(header)]).toEqual([header, expected]);
  expect(acceptsGzip(undefined)).toBe(false);
  const long = await textBody('line\n'.repeat(1000), 'gzip');
  expect(long.headers['content-encoding']).toBe('gzip');
  expect(long.headers['content-length']).toBe(String(long.bytes.length));
  expect(long.bytes.length).toBeLessThan(500);
  const short = await textBody('line\n', 'gzip');
  expect(short.headers).toEqual({ vary: 'accept-encoding', 'content-length': '5' });
});

test('a rendition in a URL names its generation from the second on, in one way only', () => {
  expect(parsePath('720p')).toEqual({ rendition: '720p', generation: 1 });
  expect(parsePath('720p~2')).toEqual({ rendition: '720p', generation: 2 });
  for (const path of ['720p~1', '720p~0', '720p~02', '720p~', '~2', '', 'a/b', '720P']) {
    expect([path, parsePath(path)]).toEqual([path, undefined]);
  }
});

test('a body is read up to its limit, whatever its length says', async () => {
  const request = (body: string) => new Request('http://x.example', { method: 'POST', body });
  expect(await readText(request('héé'), 5)).toBe('héé');
  await expect(readText(request('héé'), 4)).rejects.toMatchObject({ code: 'too_large' });
  await expect(readText(request('x'.repeat(1000)), 4)).rejects.toMatchObject({ code: 'too_large' });
  expect(await readText(new Request('http://x.example', { method: 'POST' }), 4)).toBe('');
});
