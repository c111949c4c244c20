import { Bits, withoutEmulation } from './bits.ts';

/** Profiles whose sequence parameter set says the chroma format (H.264 7.3.2.1.1). */
const high = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Size of the pictures of a sequence parameter set, cropped. Undefined where it cannot be read. */
export function readSps(nal: Uint8Array): { width: number; height: number } | undefined {
  const bits = new Bits(withoutEmulation(nal.subarray(1, 256)));
  const profile = bits.read(8);
  bits.read(16);
  bits.unsigned();
  let chroma = 1;
  if (high.has(profile)) {
    chroma = bits.unsigned();
    if (chroma === 3) bits.read(1);
    bits.unsigned();
    bits.unsigned();
    bits.read(1);
    if (bits.read(1) === 1) skipScaling(bits, chroma === 3 ? 12 : 8);
  }
  bits.unsigned();
  skipOrder(bits);
  bits.unsigned();
  bits.read(1);
  const across = bits.unsigned() + 1;
  const down = bits.unsigned() + 1;
  const isFrame = bits.read(1);
  if (isFrame === 0) bits.read(1);
  bits.read(1);
  const crop = bits.read(1) === 1 ? [0, 0, 0, 0].map(() => bits.unsigned()) : [0, 0, 0, 0];
  if (bits.isOver) return undefined;
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - isFrame);
  return {
    width: across * 16 - (left + right) * unitX,
    height: down * 16 * (2 - isFrame) - (top + bottom) * unitY,
  };
}

function skipScaling(bits: Bits, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (bits.read(1) === 0) continue;
    let last = 8;
    for (let i = 0; i < (list < 6 ? 16 : 64) && last !== 0; i += 1) last = (last + bits.signed() + 256) % 256;
  }
}

function skipOrder(bits: Bits): void {
  const type = bits.unsigned();
  if (type === 0) bits.unsigned();
  if (type !== 1) return;
  bits.read(1);
  bits.signed();
  bits.signed();
  const count = Math.min(255, bits.unsigned());
  for (let i = 0; i < count; i += 1) bits.signed();
}
