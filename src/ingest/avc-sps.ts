/** Reads bits of an RBSP (ISO/IEC 14496-10, 7.2), past the bytes that only prevent start codes. Past the end it reads zeros. */
class Bits {
  readonly #bytes: readonly number[];
  #at = 0;

  constructor(nal: Uint8Array) {
    const bytes: number[] = [];
    let zeros = 0;
    for (const byte of nal) {
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
        continue;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      bytes.push(byte);
    }
    this.#bytes = bytes;
  }

  u(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1, this.#at += 1) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** Exp-Golomb (9.1). */
  ue(): number {
    let zeros = 0;
    while (zeros < 32 && this.u(1) === 0) zeros += 1;
    return 2 ** zeros - 1 + this.u(zeros);
  }

  se(): number {
    const value = this.ue();
    return value % 2 === 0 ? -value / 2 : (value + 1) / 2;
  }
}

const withChroma = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function skipScaling(bits: Bits, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (bits.u(1) === 0) continue;
    let next = 8;
    for (let index = 0, last = 8; index < (list < 6 ? 16 : 64); index += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      last = next === 0 ? last : next;
    }
  }
}

/** Codec string and size of a sequence parameter set (ISO/IEC 14496-10, 7.3.2.1.1), its NAL header included. */
export function readSps(nal: Uint8Array): { codec: string; width: number; height: number } {
  const codec = `avc1.${Array.from(nal.subarray(1, 4), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  const bits = new Bits(nal.subarray(1, 512));
  const profile = bits.u(8);
  bits.u(16);
  bits.ue();
  let chroma = 1;
  if (withChroma.has(profile)) {
    chroma = bits.ue();
    if (chroma === 3) bits.u(1);
    bits.ue();
    bits.ue();
    bits.u(1);
    if (bits.u(1) === 1) skipScaling(bits, chroma === 3 ? 12 : 8);
  }
  bits.ue();
  const order = bits.ue();
  if (order === 0) bits.ue();
  if (order === 1) {
    bits.u(1);
    bits.se();
    bits.se();
    const cycle = Math.min(255, bits.ue());
    for (let index = 0; index < cycle; index += 1) bits.se();
  }
  bits.ue();
  bits.u(1);
  const columns = bits.ue() + 1;
  const rows = bits.ue() + 1;
  const frames = bits.u(1);
  if (frames === 0) bits.u(1);
  bits.u(1);
  const cropped = bits.u(1) === 1;
  const [left = 0, right = 0, top = 0, bottom = 0] = cropped
    ? [bits.ue(), bits.ue(), bits.ue(), bits.ue()]
    : [];
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - frames);
  return {
    codec,
    width: columns * 16 - unitX * (left + right),
    height: rows * 16 * (2 - frames) - unitY * (top + bottom),
  };
}
