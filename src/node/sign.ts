/**
 * Expiring signatures of node URLs. The playlist service signs, a node verifies: HMAC-SHA-256 over path and expiry with the
 * deployment's shared secret. Portable WebCrypto, so that both Node and Workers can sign.
 */

import { type Container, extensionOf } from '../rendition/kind.ts';

/** Query parameter with the expiry, in whole seconds since 1970. */
const expiryParameter = 'e';
/** Query parameter with the signature, base64url without padding. */
const signatureParameter = 's';

/** Signs and verifies paths with one secret. */
export interface UrlSigner {
  /** Query string (without `?`) that makes `path` valid until `expiresAt` (milliseconds since 1970, rounded up to a second). */
  sign(path: string, expiresAt: number): Promise<string>;
  /** Whether `query` was made by {@link UrlSigner.sign} for this very path and has not expired at `now` (milliseconds). */
  verify(path: string, query: URLSearchParams, now: number): Promise<boolean>;
}

/** A signer for `secret`. The key is imported once; comparison takes constant time (WebCrypto `verify`). */
export function urlSigner(secret: string): UrlSigner {
  const encoder = new TextEncoder();
  let key: Promise<CryptoKey> | undefined;
  const imported = (): Promise<CryptoKey> => {
    key ??= crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
      'verify',
    ]);
    return key;
  };
  const message = (path: string, expires: number): Uint8Array<ArrayBuffer> =>
    encoder.encode(`${expires}\n${path}`);
  return {
    async sign(path, expiresAt) {
      const expires = Math.ceil(expiresAt / 1000);
      const signature = await crypto.subtle.sign('HMAC', await imported(), message(path, expires));
      return `${expiryParameter}=${expires}&${signatureParameter}=${toBase64Url(new Uint8Array(signature))}`;
    },
    async verify(path, query, now) {
      const expires = query.get(expiryParameter) ?? '';
      const signature = fromBase64Url(query.get(signatureParameter) ?? '');
      if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 < now || signature === undefined)
        return false;
      return crypto.subtle.verify('HMAC', await imported(), signature, message(path, Number(expires)));
    },
  };
}

/** Path of a segment on a node: the same on each, and the text that is signed. */
export function nodeSegmentPath(
  renderId: string,
  rendition: string,
  n: number,
  container: Container,
): string {
  return `/s/${encodeURIComponent(renderId)}/${encodeURIComponent(rendition)}/${n}.${extensionOf(container)}`;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
