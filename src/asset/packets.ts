/** What one stream of a file has, read from its packets without decoding. */
export interface StreamFacts {
  kind: 'video' | 'audio';
  codec: string;
  /** Where the last packet ends, seconds. */
  endSeconds: number;
  packets: number;
  /** Size as coded, before rotation; 0 for audio. */
  codedWidth: number;
}

/**
 * Reads ffmpeg's `framecrc` output as it comes: a header of `#field stream: value` lines, then a line a packet
 * (`stream, dts, pts, duration, size, crc`). It is written by the muxer alone, so that no metadata inside a file can
 * pretend to be a stream, as it can in the text that `ffmpeg -i` logs; and it is the same in every ffmpeg since 2012.
 */
export class PacketReader {
  readonly #streams = new Map<number, StreamFacts & { timeBase: number }>();
  #rest = '';

  /** Takes the next piece of output. */
  push(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString('latin1')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, 4096);
    for (const line of lines) {
      if (line.startsWith('#')) this.#header(line);
      else this.#packet(line);
    }
  }

  /** The streams that have packets, by their order in the output. */
  streams(): StreamFacts[] {
    return [...this.#streams.values()].filter(({ packets }) => packets > 0);
  }

  #header(line: string): void {
    const [, name, index, value = ''] = /^#(\w+) (\d+): *(.*)$/.exec(line) ?? [];
    if (name === undefined) return;
    const key = Number(index);
    const stream = this.#streams.get(key) ?? {
      kind: 'video' as const,
      codec: 'unknown',
      endSeconds: 0,
      packets: 0,
      codedWidth: 0,
      timeBase: 0,
    };
    this.#streams.set(key, stream);
    if (name === 'tb') {
      const [num = 0, den = 1] = value.split('/').map(Number);
      stream.timeBase = num / den;
    } else if (name === 'media_type') stream.kind = value === 'audio' ? 'audio' : 'video';
    else if (name === 'codec_id') stream.codec = value;
    else if (name === 'dimensions') stream.codedWidth = Number.parseInt(value, 10);
  }

  #packet(line: string): void {
    const [index, dts = Number.NaN, pts = Number.NaN, duration = 0] = line.split(',', 5).map(Number);
    const stream = index === undefined ? undefined : this.#streams.get(index);
    if (stream === undefined || Number.isNaN(pts)) return;
    // AVI has no presentation times for frames that were re-ordered: int64's minimum.
    const shown = pts > -(2 ** 62) ? pts : dts;
    stream.packets += 1;
    stream.endSeconds = Math.max(stream.endSeconds, (shown + duration) * stream.timeBase);
  }
}
