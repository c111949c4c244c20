import canonicalize from 'canonicalize';
import { SegueError } from '../ops/errors.ts';

/** Canonical JSON text (RFC 8785): the same value gives the same text, whatever the order of its keys. Throws SegueError `internal` for what JSON cannot say. */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new SegueError('internal', 'Only JSON has a canonical form');
  return text;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** Base 32 (RFC 4648, section 6) in lower case, without padding: safe in URLs, file names and host names. */
function base32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
  }
  return bits === 0 ? text : text + alphabet[(held << (5 - bits)) & 31];
}

/** Bytes of a video id: 160 bits, 32 characters. */
const idBytes = 20;

/**
 * Id of a video: HMAC-SHA-256 of its canonical text, truncated to 160 bits, in base 32. Nobody without the key can guess
 * an id from a description. The text is prefixed, so that the same key may sign other things.
 */
export async function videoIdOf(canonical: string, key: CryptoKey | Uint8Array): Promise<string> {
  const hmacKey =
    key instanceof Uint8Array
      ? await crypto.subtle.importKey('raw', new Uint8Array(key), { name: 'HMAC', hash: 'SHA-256' }, false, [
          'sign',
        ])
      : key;
  const message = new TextEncoder().encode(`segue video\n${canonical}`);
  const mac = await crypto.subtle.sign('HMAC', hmacKey, message);
  return base32(new Uint8Array(mac, 0, idBytes));
}
