import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readText } from '../../../playlists/body-text.ts';
import { crcText, portableCrc32 } from '../../../playlists/crc32.ts';
import { acceptsGzip, textBody } from '../../../playlists/gzip.ts';
import { parsePath } from '../../../playlists/render-facts.ts';
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
