/** Kind of a NAL unit by its first byte: a key picture (IDR, or HEVC IRAP), another picture, or none. */
export function nalKind(first: number, codec: string): 'key' | 'picture' | 'other' {
  if (codec.startsWith('avc')) {
    const type = first & 31;
    if (type === 5) return 'key';
    return type >= 1 && type <= 4 ? 'picture' : 'other';
  }
  const type = (first >> 1) & 63;
  if (type >= 16 && type <= 23) return 'key';
  return type < 32 ? 'picture' : 'other';
}

/**
 * Whether a sample of length-prefixed NAL units begins with a key picture (ISO/IEC 14496-15). True where its bytes say
 * nothing: only what is seen counts against a segment.
 */
export function isRandomAccess(sample: Uint8Array, lengthSize: number, codec: string): boolean {
  let at = 0;
  while (at + lengthSize < sample.length) {
    let size = 0;
    for (let i = 0; i < lengthSize; i += 1) size = size * 256 + (sample[at + i] ?? 0);
    if (size === 0) return true;
    const kind = nalKind(sample[at + lengthSize] ?? 0, codec);
    if (kind !== 'other') return kind === 'key';
    at += lengthSize + size;
  }
  return true;
}
