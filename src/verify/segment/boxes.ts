import { FormatError } from './facts.ts';

/** A box of ISO base media (ISO/IEC 14496-12 4.2). */
export interface Box {
  /** Four characters. */
  readonly type: string;
  /** Offset of the header in the file that was walked. */
  readonly at: number;
  /** Payload, after the header. */
  readonly data: DataView;
}

/** A view of these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Boxes side by side that are read: hostile files have millions of empty ones. */
const maxBoxes = 100_000;

/**
 * The boxes that lie one after another in a view. `from` is where the view begins in the file, `cut` that the last box may
 * be cut (a byte range of an I-frame). Throws a FormatError when sizes do not add up.
 */
export function walk(view: DataView, from = 0, cut = false): Box[] {
  const boxes: Box[] = [];
  let at = 0;
  while (at < view.byteLength) {
    if (boxes.length >= maxBoxes) throw new FormatError(`more than ${maxBoxes} boxes`);
    const left = view.byteLength - at;
    if (left < 8) throw new FormatError(`${left} bytes after the last box, at ${from + at}`);
    const type = fourCharacters(view, at + 4);
    let size = view.getUint32(at);
    let header = 8;
    if (size === 1 && left >= 16) {
      size = Number(view.getBigUint64(at + 8));
      header = 16;
    } else if (size === 0) size = left;
    if (cut && size > left && type === 'mdat') size = left;
    if (size < header || size > left) {
      throw new FormatError(`box \`${type}\` at ${from + at} says ${size} bytes, ${left} are left`);
    }
    boxes.push({ type, at: from + at, data: slice(view, at + header, at + size) });
    at += size;
  }
  return boxes;
}

/** Boxes inside a box, after `skip` bytes of its own fields. Throws a FormatError when sizes do not add up. */
export function inside(box: Box, skip = 0): Box[] {
  if (box.data.byteLength < skip) throw new FormatError(`box \`${box.type}\` at ${box.at} is too short`);
  return walk(slice(box.data, skip, box.data.byteLength), box.at + 8 + skip);
}

/** The only box of this type among these. Throws a FormatError when there is none, or more. */
export function only(boxes: readonly Box[], type: string): Box {
  const found = boxes.filter((box) => box.type === type);
  const [first] = found;
  if (first === undefined) throw new FormatError(`box \`${type}\` is missing`);
  if (found.length > 1) throw new FormatError(`${found.length} boxes \`${type}\``);
  return first;
}

/** Follows a path of boxes, each the only one of its type. */
export function down(box: Box, ...path: readonly string[]): Box {
  return path.reduce((parent, type) => only(inside(parent), type), box);
}

/** Four characters at an offset. */
export function fourCharacters(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

/** Part of a view. */
export function slice(view: DataView, from: number, to: number): DataView {
  return new DataView(view.buffer, view.byteOffset + from, to - from);
}

/** Version and flags of a full box (ISO/IEC 14496-12 4.2). */
export function versionOf(box: Box): { version: number; flags: number } {
  const word = box.data.getUint32(0);
  return { version: word >>> 24, flags: word & 0xffffff };
}
