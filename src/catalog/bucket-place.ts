/** The `place` of copies that are in the bucket. No node may be called so. */
export const bucketPlace = 'bucket';
