import { crc32 } from 'node:zlib';

/**
 * Reads what VLC displays, a YUV4MPEG2 stream of 4:2:0 pictures in pieces of any size, and tells of each picture when it is
 * complete. VLC displays a picture again when it has nothing newer after a while, so equal neighbours are one picture: counts
 * are exact for streams that move in every frame.
 * @param shown is called with the frame rate that the header names.
 */
export function pictureReader(shown: (fps: number) => void): (chunk: Buffer) => void {
  let head = Buffer.alloc(0);
  let format: { bytes: number; fps: number } | undefined;
  let missing = 0;
  let sum = 0;
  let before: number | undefined;
  const take = (pictures: Buffer): void => {
    if (format === undefined) return;
    for (let rest = pictures; rest.byteLength > 0; ) {
      const part = rest.subarray(0, missing);
      sum = crc32(part, sum);
      missing -= part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (missing > 0) continue;
      if (sum !== before) shown(format.fps);
      before = sum;
      [sum, missing] = [0, format.bytes];
    }
  };
  return (chunk) => {
    if (format !== undefined) {
      take(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\n');
    if (end < 0) return;
    format = parseHeader(head.toString('latin1', 0, end));
    missing = format.bytes;
    take(head.subarray(end + 1));
  };
}

/** @returns bytes of a picture with its `FRAME` line, and the frame rate. */
function parseHeader(line: string): { bytes: number; fps: number } {
  const [, width, height, num, den] = /^YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+)/.exec(line) ?? [];
  if (den === undefined) throw new Error(`no YUV4MPEG2 header: ${line.slice(0, 100)}`);
  const luma = Number(width) * Number(height);
  const chroma = Math.ceil(Number(width) / 2) * Math.ceil(Number(height) / 2);
  return { bytes: 'FRAME\n'.length + luma + 2 * chroma, fps: Number(num) / Number(den) };
}
