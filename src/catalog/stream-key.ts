/**
 * Stream keys. A key is the right to write one stream (a capability): it is handed out once, and only its hash is kept.
 * Portable: WebCrypto only.
 */

/** A new key: 192 random bits, fit for a path. */
export function newStreamKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/**
 * SHA-256 of a key, in hexadecimal. Looking a key up by its hash takes a time that says nothing about the key: whoever
 * guesses has no say in the hash that is compared.
 */
export async function streamKeyHash(key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
