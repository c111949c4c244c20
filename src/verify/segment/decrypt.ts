import { createDecipheriv } from 'node:crypto';
import { FormatError } from './facts.ts';

/** The IV of a segment without one: its media sequence number (RFC 8216 5.2). */
export function sequenceIv(n: number): Uint8Array {
  const iv = Buffer.alloc(16);
  iv.writeBigUInt64BE(BigInt.asUintN(64, BigInt(n)), 8);
  return iv;
}

/** AES-128-CBC with PKCS7 (RFC 8216 4.3.2.4). Throws a FormatError where the padding is wrong: mostly, the key is. */
export function decrypt(bytes: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, iv);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch (error) {
    const told =
      bytes.length % 16 === 0 ? 'the padding is wrong' : `${bytes.length} bytes are no whole blocks`;
    throw new FormatError(`it cannot be decrypted: ${told}`, { cause: error });
  }
}
