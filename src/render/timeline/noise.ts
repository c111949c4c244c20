import { seededRandom } from '../../description/random.ts';
import { frameBytes, type Size } from './raster.ts';

/** 32 well mixed bits of a counter and a key (the finaliser of MurmurHash3, public domain). */
export function hashed(counter: number, key: number): number {
  let bits = Math.imul(counter ^ key, 0x9e3779b1) ^ key;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The key for {@link hashed} of one thing in a description. */
export const keyOf = (seed: number, label: string): number =>
  Math.floor(seededRandom(seed, 'noise', label) * 2 ** 32) >>> 0;

/** A yuv420p frame of grey noise in limited range. */
export function noiseFrame(size: Size, seed: number, label: string): Uint8Array {
  const bytes = new Uint8Array(frameBytes(size)).fill(128);
  const key = keyOf(seed, label);
  const luma = size.width * size.height;
  for (let index = 0; index < luma; index += 1) bytes[index] = 16 + (hashed(index, key) % 220);
  return bytes;
}
