import { streamKeyHash } from './stream-key.ts';

/**
 * Keys of clients and operators. A key is handed out once; the catalog has its hash only. 256 random bits need no slow hash: nobody
 * can try them all. Portable: WebCrypto only.
 */

/**
 * What a key opens. `client`: posting videos. `reader`: looking at everything that operators see. `admin`: everything, as the admin
 * token does.
 */
export const roles = ['client', 'reader', 'admin'] as const;
/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** So that a key that got into a text can be told from other words, by people and by scanners. */
const prefix = 'segue_';

const pattern = /^segue_[A-Za-z0-9_-]{43}$/;

/** Whether a text has the form of a key: others need not be looked up. */
export const isApiKey = (text: string): boolean => pattern.test(text);

function randomText(bytes: number): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** A new key, what is kept of it, and a name for it that is no secret. */
export async function newApiKey(): Promise<{ key: string; id: string; keyHash: string }> {
  const key = `${prefix}${randomText(32)}`;
  return { key, id: `key-${randomText(9)}`, keyHash: await apiKeyHash(key) };
}

/** SHA-256 of a key, in hexadecimal: as for the keys of streams. */
export const apiKeyHash = streamKeyHash;
