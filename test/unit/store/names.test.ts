import { expect, test } from 'vitest';
import { containers } from '../../../src/rendition/kind.ts';
import {
  foreignFileName,
  initName,
  mediaPlaylistName,
  multivariantName,
  parseRenderObject,
  parseSegmentName,
  renderIn,
  segmentName,
  thumbnailListName,
} from '../../../src/store/names.ts';

test.each(containers)('the name of a segment in %s reads back', (container) => {
  expect(parseSegmentName(segmentName('aB_-9', '720p', 12, container))).toEqual({
    renderId: 'aB_-9',
    rendition: '720p',
    n: 12,
  });
});

test.each([
  'renders/x/720p/init.mp4',
  'renders/x/720p/1.exe',
  'renders/../720p/1.m4s',
  'assets/ab',
  'renders/x/720p/-1.m4s',
])('%s is no segment', (name) => {
  expect(parseSegmentName(name)).toBeUndefined();
});

test.each(containers)('an object of a render in %s reads back', (container) => {
  expect(parseRenderObject(segmentName('aB_-9', '720p', 12, container))).toEqual({
    kind: 'segment',
    rendition: '720p',
    n: 12,
    container,
  });
});

test.each([
  [initName('r', '720p'), '720p'],
  [foreignFileName('r', 'v0', 'init-3.mp4'), 'v0'],
  [mediaPlaylistName('r', 'audio'), 'audio'],
  [multivariantName('r'), undefined],
  [thumbnailListName('r'), undefined],
])('%s lies beside the segments', (name, rendition) => {
  expect(parseRenderObject(name)).toEqual({ kind: 'beside', rendition });
  expect(renderIn(name)).toBe('r');
});

test.each([
  'renders/r/720p/007.m4s',
  'renders/r/720p/12345678.m4s',
  'renders/r/notes.txt',
  'renders/r/720p/key-0.key',
  'renders/r/720p/a/0.m4s',
  'renders/r',
  'renders/',
  'xrenders/r/index.m3u8',
  'renders//index.m3u8',
  'renders/r/index.m3u8\n',
])('%j is never written', (name) => {
  expect(parseRenderObject(name)).toBeUndefined();
});

test.each(['renders/loose', 'renders//x', 'renders/a b/x', 'renders/..', 'assets/r/x'])(
  '%s is filed under no render',
  (name) => {
    expect(renderIn(name)).toBeUndefined();
  },
);
