import { SegueError } from '../ops/errors.ts';
import { ByteReader } from './reader.ts';

/** Markers that carry the size of the picture: SOF0 to SOF2 (ITU-T T.81, table B.1). */
const frameMarkers = new Set([0xc0, 0xc1, 0xc2]);

function wrong(what: string): SegueError {
  return new SegueError('render_failed', `Malformed JPEG: ${what}`);
}

/**
 * Width and height of a JPEG file (ITU-T T.81, B.1 and B.2), which must be whole: from SOI to EOI.
 * @throws SegueError `render_failed` for anything else
 */
export function jpegSize(bytes: Uint8Array): { width: number; height: number } {
  const reader = new ByteReader(bytes);
  if (bytes.byteLength < 4 || reader.u16() !== 0xffd8) throw wrong('no start of image');
  const end = bytes.subarray(-2);
  if (end[0] !== 0xff || end[1] !== 0xd9) throw wrong('no end of image');
  for (;;) {
    if (reader.u8() !== 0xff) throw wrong('no marker where one was expected');
    const marker = reader.u8();
    const segment = new ByteReader(reader.bytes(reader.u16() - 2));
    if (marker === 0xda) throw wrong('no frame header before the scan');
    if (!frameMarkers.has(marker)) continue;
    segment.skip(1);
    const height = segment.u16();
    return { width: segment.u16(), height };
  }
}
