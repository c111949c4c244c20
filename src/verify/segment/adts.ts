const rates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];

/** AAC frames with ADTS headers (ISO/IEC 13818-7 6.2). */
export interface Adts {
  readonly frames: number;
  readonly sampleRate: number;
  readonly codec: string;
  /** Bytes that belong to no whole frame. */
  readonly rest: number;
}

/** Counts ADTS frames. Undefined where the first bytes are none. */
export function readAdts(bytes: Uint8Array): Adts | undefined {
  const sampleRate = rates[((bytes[2] ?? 0) >> 2) & 15];
  if (!isHeader(bytes, 0) || sampleRate === undefined) return undefined;
  const codec = `mp4a.40.${((bytes[2] ?? 0) >> 6) + 1}`;
  let at = 0;
  let frames = 0;
  while (isHeader(bytes, at)) {
    const size =
      (((bytes[at + 3] ?? 0) & 3) << 11) | ((bytes[at + 4] ?? 0) << 3) | ((bytes[at + 5] ?? 0) >> 5);
    if (size < 7 || at + size > bytes.length) break;
    frames += 1 + ((bytes[at + 6] ?? 0) & 3);
    at += size;
  }
  return { frames, sampleRate, codec, rest: bytes.length - at };
}

const isHeader = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0xff && ((bytes[at + 1] ?? 0) & 0xf6) === 0xf0;
