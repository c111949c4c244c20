import type { AssetBucket } from '../asset/asset.ts';
import type { Bucket } from './bucket.ts';

/** The bucket as assets see it: content-addressed files, never overwritten. */
export function assetBucket(bucket: Bucket): AssetBucket {
  return {
    has: async (name, signal) => (await bucket.size(name, signal)) !== undefined,
    put: (name, file, signal) => bucket.putFile(name, file.path, 'application/octet-stream', signal),
    get: (name, signal) => bucket.stream(name, signal),
  };
}
