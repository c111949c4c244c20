import { type CodecConfig } from './codec.ts';
import { parseMoov } from './init.ts';
import { noDefaults, parseMoof, parseTrackDefaults, type SampleRange, type TrackDefaults } from './moof.ts';
import { malformed, peekHeader } from './reader.ts';
import { concat } from './writer.ts';

/** One encoded frame of a track: a picture, or 1024 audio samples. */
export interface Sample {
  readonly data: Uint8Array;
  /** Whether decoding can begin here. */
  readonly sync: boolean;
}

/** Bounds of what is read from one encoder. */
export interface FragmentBounds {
  /** Bytes of the whole stream. */
  readonly maxBytes: number;
  /** Samples of the whole stream. */
  readonly maxSamples: number;
}

/** What an encoder made. */
export interface EncodedTrack {
  readonly config: CodecConfig;
  readonly samples: readonly Sample[];
}

/** Boxes that a fragmented file may hold and that say nothing about samples. */
const ignored = new Set(['ftyp', 'styp', 'free', 'skip', 'sidx', 'mfra', 'prft', 'emsg', 'uuid']);

/**
 * Reads single-track fragmented MP4 (`ftyp moov (moof mdat)*`) as it comes out of a pipe, in chunks of any size. Times
 * in it are ignored: a sample's place is its place in the order.
 */
export class FragmentReader {
  readonly #bounds: FragmentBounds;
  readonly #samples: Sample[] = [];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Bytes of complete boxes so far: the position in the stream of the box being read. */
  #position = 0;
  #config: CodecConfig | undefined;
  #defaults: TrackDefaults = noDefaults;
  /** Ranges that the last moof promised, absolute in the stream, until its mdat arrives. */
  #promised: SampleRange[] | undefined;
  /** Bytes to wait for before a header or box can be complete. */
  #needed = 8;

  constructor(bounds: FragmentBounds) {
    this.#bounds = bounds;
  }

  /** Bytes received so far. */
  get received(): number {
    return this.#position + this.#pendingBytes;
  }

  /**
   * Takes the next bytes of the stream.
   * @throws SegueError `render_failed` for malformed input or more than the bounds allow
   */
  push(chunk: Uint8Array): void {
    if (this.received + chunk.byteLength > this.#bounds.maxBytes) {
      throw malformed(`more than ${this.#bounds.maxBytes} bytes`);
    }
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.byteLength;
    if (this.#pendingBytes < this.#needed) return;
    const bytes = this.#pending.length === 1 ? chunk : concat(this.#pending);
    const rest = bytes.subarray(this.#consume(bytes));
    this.#pending = rest.byteLength === 0 ? [] : [rest];
    this.#pendingBytes = rest.byteLength;
  }

  /** Reads every complete box and returns the bytes read. */
  #consume(bytes: Uint8Array): number {
    let at = 0;
    for (;;) {
      const header = peekHeader(bytes.subarray(at, at + 16));
      const left = bytes.byteLength - at;
      if (header !== undefined && this.#position + header.size > this.#bounds.maxBytes) {
        throw malformed(`box ${JSON.stringify(header.type)} of ${header.size} bytes`);
      }
      if (header === undefined || left < header.size) {
        this.#needed = header?.size ?? left + 1;
        return at;
      }
      this.#box(header.type, bytes.subarray(at, at + header.size), header.headerSize);
      at += header.size;
      this.#position += header.size;
    }
  }

  #box(type: string, bytes: Uint8Array, headerSize: number): void {
    const payload = bytes.subarray(headerSize);
    switch (type) {
      case 'moov':
        if (this.#config !== undefined) throw malformed('a second moov');
        this.#config = parseMoov(payload);
        this.#defaults = parseTrackDefaults(payload);
        return;
      case 'moof':
        if (this.#config === undefined) throw malformed('moof before moov');
        if (this.#promised !== undefined) throw malformed('moof without mdat');
        this.#promised = parseMoof(payload, this.#defaults, {
          position: this.#position,
          maxSamples: this.#bounds.maxSamples - this.#samples.length,
        });
        return;
      case 'mdat':
        this.#media(bytes, headerSize);
        return;
      default:
        if (!ignored.has(type)) throw malformed(`unexpected box ${JSON.stringify(type)}`);
    }
  }

  #media(bytes: Uint8Array, headerSize: number): void {
    for (const { start, size, sync } of this.#promised ?? []) {
      const from = start - this.#position;
      if (from < headerSize || from + size > bytes.byteLength) throw malformed('a sample outside its mdat');
      this.#samples.push({ data: bytes.subarray(from, from + size), sync });
    }
    this.#promised = undefined;
  }

  /**
   * The track, once the stream has ended.
   * @throws SegueError `render_failed` when it ended inside a box or without a track
   */
  finish(): EncodedTrack {
    if (this.#pendingBytes > 0 || this.#promised !== undefined)
      throw malformed('the stream ends inside a fragment');
    if (this.#config === undefined) throw malformed('the stream ends before its moov');
    return { config: this.#config, samples: this.#samples };
  }
}
