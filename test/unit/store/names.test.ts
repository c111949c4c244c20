import { expect, test } from 'vitest';
import { containers } from '../../../src/rendition/kind.ts';
import { parseSegmentName, segmentName } from '../../../src/store/names.ts';

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
