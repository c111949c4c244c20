import type { Bucket } from '../store/bucket.ts';
import type { AssetBucket } from './asset.ts';

/** The bucket as assets see it. Files go as octets: the bucket may be public, and no browser shall take one for a page. */
export const assetBucket = (bucket: Bucket): AssetBucket => ({
  has: async (name, signal) => (await bucket.size(name, signal)) !== undefined,
  put: (name, { path }, signal) => bucket.putFile(name, path, 'application/octet-stream', signal),
  get: (name, signal) => bucket.stream(name, signal),
});
