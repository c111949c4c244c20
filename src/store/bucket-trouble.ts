import { S3ServiceException } from '@aws-sdk/client-s3';
import { SegueError } from '../ops/errors.ts';

/** What is wrong with the bucket, as far as its answer tells. */
export type BucketTrouble = 'unreachable' | 'busy' | 'denied' | 'clock' | 'missing' | 'other';

/** The trouble behind an error of the SDK, or behind the `bucket_unavailable` that was made of it. */
export function troubleOf(error: unknown): BucketTrouble {
  const thrown = error instanceof SegueError ? error.cause : error;
  if (!(thrown instanceof S3ServiceException)) return thrown === undefined ? 'other' : 'unreachable';
  if (thrown.name === 'RequestTimeTooSkewed') return 'clock';
  if (thrown.name === 'SlowDown') return 'busy';
  switch (thrown.$metadata.httpStatusCode) {
    case undefined:
      return 'unreachable';
    case 401:
    case 403:
      return 'denied';
    case 404:
      return 'missing';
    case 429:
    case 503:
      return 'busy';
    default:
      return 'other';
  }
}

const again = 'Check S3_ENDPOINT and the network; copying goes on when the bucket answers again.';

/** The way out of each. */
export const hintOf: Readonly<Record<BucketTrouble, string>> = {
  unreachable: again,
  other: again,
  busy: 'The provider asks for fewer requests; copying goes on more slowly.',
  denied: 'Check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and what they may do in this bucket.',
  clock: 'Set the clock: S3 refuses requests more than 15 minutes off.',
  missing: 'Check S3_BUCKET: there is no such bucket at S3_ENDPOINT.',
};
