import { expect, test } from 'vitest';
import { pictureReader } from './yuv.ts';

const stream = (width: number, height: number, pictures: readonly number[]): Buffer =>
  Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${width} H${height} F25:1 Ip A1:1 C420mpeg2\n`),
    ...pictures.map((value) =>
      Buffer.concat([Buffer.from('FRAME\n'), Buffer.alloc((width * height * 3) / 2, value)]),
    ),
  ]);

/** Pictures that are told of when the streams come in pieces of this size. */
const count = (bytes: Buffer, piece: number): number => {
  let pictures = 0;
  const take = pictureReader(() => {
    pictures += 1;
  });
  for (let at = 0; at < bytes.byteLength; at += piece) take(bytes.subarray(at, at + piece));
  return pictures;
};

test.each([1, 7, 1000, 100_000])('pictures of two sizes in pieces of %i bytes', (piece) => {
  // A picture full of line ends must not look like lines.
  const bytes = Buffer.concat([stream(16, 8, [10, 2, 2, 3]), stream(32, 16, [10, 4, 5])]);
  expect(count(bytes, piece)).toBe(6);
});

test('what is neither a picture nor a header is refused', () => {
  const broken = Buffer.concat([stream(16, 8, [1]), Buffer.alloc(50, 1), Buffer.from('\n')]);
  expect(() => count(broken, 10)).toThrow('neither a picture nor a header');
});
