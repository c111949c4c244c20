import { crc32 } from 'node:zlib';

/**
 * Reads what VLC displays, YUV4MPEG2 streams of 4:2:0 pictures in pieces of any size, and tells of each picture when it is
 * complete. Where the size changes, a stream with a header of its own follows. VLC displays a picture again when it has nothing
 * newer after a while, so equal neighbours are one picture: counts are exact for streams that move in every frame.
 * @param shown is called with the frame rate that the header names.
 * @returns what takes the pieces. @throws Error where they are no such streams
 */
export function pictureReader(shown: (fps: number) => void): (chunk: Buffer) => void {
  let line = '';
  let format: Format | undefined;
  let missing = 0;
  let sum = 0;
  let before: number | undefined;
  /** Takes what belongs to the picture. @returns the rest */
  const takePicture = (bytes: Buffer, { fps }: Format): Buffer => {
    const part = bytes.subarray(0, missing);
    sum = crc32(part, sum);
    missing -= part.byteLength;
    if (missing === 0) {
      if (sum !== before) shown(fps);
      before = sum;
    }
    return bytes.subarray(part.byteLength);
  };
  /** Takes what belongs to the line before a picture. @returns the rest */
  const takeLine = (bytes: Buffer): Buffer => {
    const end = bytes.indexOf('\n');
    line += bytes.toString('latin1', 0, end < 0 ? bytes.byteLength : end);
    if (line.length > longestLine) throw new Error(`neither a picture nor a header: ${line.slice(0, 100)}`);
    if (end < 0) return bytes.subarray(bytes.byteLength);
    if (format === undefined || !line.startsWith('FRAME')) format = parseHeader(line);
    else [sum, missing] = [0, format.bytes];
    line = '';
    return bytes.subarray(end + 1);
  };
  return (chunk) => {
    for (let rest = chunk; rest.byteLength > 0; ) {
      rest = format !== undefined && missing > 0 ? takePicture(rest, format) : takeLine(rest);
    }
  };
}

/** Characters of a header or of the line before a picture, at most. */
const longestLine = 1000;

interface Format {
  /** Of a picture. */
  readonly bytes: number;
  readonly fps: number;
}

function parseHeader(line: string): Format {
  const [, width, height, num, den] = /^YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+)/.exec(line) ?? [];
  if (den === undefined) throw new Error(`neither a picture nor a header: ${line.slice(0, 100)}`);
  const luma = Number(width) * Number(height);
  const chroma = Math.ceil(Number(width) / 2) * Math.ceil(Number(height) / 2);
  return { bytes: luma + 2 * chroma, fps: Number(num) / Number(den) };
}
