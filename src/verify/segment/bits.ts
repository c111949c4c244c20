/** Bytes of a NAL unit without its emulation prevention bytes (H.264 7.4.1). */
export function withoutEmulation(nal: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const [index, byte] of nal.entries()) {
    const isEmulation = byte === 3 && index >= 2 && nal[index - 1] === 0 && nal[index - 2] === 0;
    if (!isEmulation) out.push(byte);
  }
  return Uint8Array.from(out);
}

/** Reads bits, most significant first. Past the end everything is 0. */
export class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether something was read past the end. */
  get isOver(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  /** Exp-Golomb code, unsigned (H.264 9.1). */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && this.read(1) === 0) zeros += 1;
    return 2 ** zeros - 1 + this.read(zeros);
  }

  /** Exp-Golomb code, signed. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}
