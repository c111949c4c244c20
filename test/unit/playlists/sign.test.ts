import { expect, test } from 'vitest';
import { nodeSegmentPath, urlSigner } from '../../../src/node/sign.ts';

const signer = urlSigner('a secret of thirty-two characters');
const path = nodeSegmentPath('render', '720p', 3, 'fmp4');
const now = Date.UTC(2026, 10, 23);

test('a signature holds for its path until it expires', async () => {
  const query = new URLSearchParams(await signer.sign(path, now + 1000));
  expect(await signer.verify(path, query, now)).toBe(true);
  expect(await signer.verify(path, query, now + 1000)).toBe(true);
  expect(await signer.verify(path, query, now + 2001)).toBe(false);
  expect(await signer.verify(nodeSegmentPath('render', '720p', 4, 'fmp4'), query, now)).toBe(false);
  expect(await urlSigner('another secret').verify(path, query, now)).toBe(false);
});

test('nothing of the query can be changed', async () => {
  const query = await signer.sign(path, now + 1000);
  const changed = [
    query.replace(/e=\d+/, `e=${now}`),
    query.replace(/s=./, (text) => (text === 's=A' ? 's=B' : 's=A')),
    query.replace(/&s=.*/, ''),
    query.replace(/e=\d+&/, ''),
    `${query}A`,
    '',
    'e=1&s=%00',
  ];
  for (const text of changed)
    expect([text, await signer.verify(path, new URLSearchParams(text), now)]).toEqual([text, false]);
});

test('the path of a segment is the same on every node', () => {
  expect(path).toBe('/s/render/720p/3.m4s');
  expect(nodeSegmentPath('a/b', '720p', 0, 'fmp4')).toBe('/s/a%2Fb/720p/0.m4s');
});
