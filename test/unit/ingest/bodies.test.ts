import { expect, test } from 'vitest';
import { noBodies } from '../../../src/ingest/bodies.ts';
import { bodyBytes, mostBodies } from '../../../src/ingest/limits.ts';
import { wholeFile } from '../../../src/ingest/playlist.ts';

const file = wholeFile('k.key');
const range = { path: 'k.key', range: { offset: 3, length: 4 } };

test('what was sent before and is still under way is coming, under its name or as a range of its file', () => {
  const bodies = noBodies();
  const first = bodies.begin(file);
  const list = bodies.begin(wholeFile('out.m3u8'));
  const later = bodies.begin(wholeFile('later.key'));
  expect(bodies.isComing(file, list.order)).toBe(true);
  expect(bodies.isComing(range, list.order)).toBe(true);
  expect(bodies.isComing(wholeFile('later.key'), list.order), 'it was sent after the list').toBe(false);
  expect(bodies.isComing(wholeFile('later.key'))).toBe(true);
  for (const each of [first, list, later, first]) each.done();
  expect(bodies.isComing(file)).toBe(false);
  expect(bodies.count).toBe(0);
});

test('what a later upload of its name has overtaken changes nothing any more, and is not waited for', () => {
  const bodies = noBodies();
  const [hung, again] = [bodies.begin(file), bodies.begin(file)];
  expect(again.isOvertaken()).toBe(false);
  again.done();
  expect(bodies.isComing(file)).toBe(false);
  expect(hung.isOvertaken()).toBe(true);
});

test('number and bytes are bounded, and given back', () => {
  const bodies = noBodies();
  const begun = Array.from({ length: mostBodies }, () => bodies.begin(file));
  expect(() => bodies.begin(file)).toThrow(expect.objectContaining({ code: 'too_many_requests' }) as Error);
  begun[0]?.took(bodyBytes);
  expect(() => begun[1]?.took(1)).toThrow(expect.objectContaining({ code: 'storage_full' }) as Error);
  begun[0]?.done();
  begun[1]?.took(1);
  bodies.begin(file);
});
