import { urlSigner } from '../src/node/sign.ts';
import type { ServiceSettings } from './ports.ts';

/**
 * Signatures of the bucket's public URLs, for a CDN that asks for them: `?e={expiry}&s={signature}`, an HMAC-SHA-256 over
 * expiry and `/renders/{renderId}/` with a secret that service and CDN share (infra/cloudfront/signed-playback.js).
 */
export interface CdnSigner {
  /** A URL of the bucket as the CDN gives it until then (milliseconds since 1970). */
  signed(url: string, until: number): Promise<string>;
  /** A playlist in which each URL of the bucket is signed. */
  signedLines(playlist: string, until: number): Promise<string>;
}

/** A signer where the deployment has a CDN that asks; undefined where its URLs are open. */
export function cdnSigner({ bucketPublicUrl, admission }: ServiceSettings): CdnSigner | undefined {
  const { cdnSecret } = admission;
  if (cdnSecret === undefined) return undefined;
  const signer = urlSigner(cdnSecret);
  const base = `${bucketPublicUrl}/renders/`.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const object = new RegExp(String.raw`${base}([^/\s"?]+)/[^\s"?]+`, 'g');

  const signedLines = async (text: string, until: number): Promise<string> => {
    const renders = new Set(Array.from(text.matchAll(object), ([, renderId = '']) => renderId));
    const queries = new Map<string, string>();
    for (const renderId of renders) queries.set(renderId, await signer.sign(`/renders/${renderId}/`, until));
    return text.replaceAll(object, (url, renderId: string) => `${url}?${queries.get(renderId)}`);
  };
  return { signed: signedLines, signedLines };
}
