import { SegueError } from '../ops/errors.ts';

/** The error for bytes that are not what they claim to be. */
export function malformed(message: string): SegueError {
  return new SegueError('render_failed', `Malformed MP4: ${message}`, {
    hint: 'The encoder wrote something that Segue does not understand; see `segue doctor` for the ffmpeg build in use.',
  });
}

/** A box (ISO/IEC 14496-12, 4.2) inside a byte range. */
export interface Box {
  /** Four characters. */
  readonly type: string;
  /** What follows the header. */
  readonly payload: Uint8Array;
  /** Header and payload. */
  readonly bytes: Uint8Array;
}

/** Reads big-endian numbers in order; reading past the end throws `render_failed` instead of returning nonsense. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.byteLength - this.#position;
  }

  #take(length: number): number {
    if (length < 0 || length > this.left) throw malformed(`${length} bytes expected, ${this.left} left`);
    const at = this.#position;
    this.#position += length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** Unsigned 64-bit number; one above 2^53 throws, since nothing here can be that large. */
  u64(): number {
    const value = Number(this.#view.getBigUint64(this.#take(8)));
    if (!Number.isSafeInteger(value)) throw malformed('64-bit number out of range');
    return value;
  }

  /** A view of the next bytes, without a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** Four characters, as box types are written. */
  fourCC(): string {
    return String.fromCharCode(this.u8(), this.u8(), this.u8(), this.u8());
  }
}

/** Size and type of a box from its first bytes; undefined while too few are there. */
export interface BoxHeader {
  readonly type: string;
  readonly headerSize: number;
  /** Header and payload. */
  readonly size: number;
}

/**
 * Header of the box at the start of `bytes`, or undefined while it is incomplete.
 * @throws SegueError `render_failed` for a size that is smaller than the header, or "to the end of the file"
 */
export function peekHeader(bytes: Uint8Array): BoxHeader | undefined {
  if (bytes.byteLength < 8) return undefined;
  const reader = new ByteReader(bytes);
  const short = reader.u32();
  const type = reader.fourCC();
  if (short !== 1) {
    if (short < 8) throw malformed(`box ${JSON.stringify(type)} of ${short} bytes`);
    return { type, headerSize: 8, size: short };
  }
  if (bytes.byteLength < 16) return undefined;
  const size = reader.u64();
  if (size < 16) throw malformed(`box ${JSON.stringify(type)} of ${size} bytes`);
  return { type, headerSize: 16, size };
}

/**
 * The boxes that fill `bytes`.
 * @throws SegueError `render_failed` when one runs past the end or bytes are left over
 */
export function* boxesIn(bytes: Uint8Array): Generator<Box> {
  let at = 0;
  while (at < bytes.byteLength) {
    const header = peekHeader(bytes.subarray(at, at + 16));
    if (header === undefined) throw malformed(`${bytes.byteLength - at} bytes after the last box`);
    const end = at + header.size;
    if (end > bytes.byteLength) throw malformed(`box ${JSON.stringify(header.type)} runs past its parent`);
    yield {
      type: header.type,
      payload: bytes.subarray(at + header.headerSize, end),
      bytes: bytes.subarray(at, end),
    };
    at = end;
  }
}

/** Payload of the first box of this type, or undefined. */
export function findBox(bytes: Uint8Array, type: string): Uint8Array | undefined {
  for (const box of boxesIn(bytes)) if (box.type === type) return box.payload;
  return undefined;
}

/**
 * Payload of the box at a path of types, each the first of its kind in its parent.
 * @throws SegueError `render_failed` when one is missing
 */
export function boxAt(bytes: Uint8Array, ...path: readonly string[]): Uint8Array {
  let inside = bytes;
  for (const type of path) {
    const found = findBox(inside, type);
    if (found === undefined) throw malformed(`no ${path.join('/')} box`);
    inside = found;
  }
  return inside;
}
