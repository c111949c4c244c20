import { S3ServiceException } from '@aws-sdk/client-s3';
import { SegueError } from '../ops/errors.ts';
import { hintOf, troubleOf } from './bucket-trouble.ts';

/** Whether a conditional write was refused. S3 says 412; Ceph and others may answer 409 where two conditional writes meet. */
export function isExisting(error: unknown): boolean {
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  return (
    status === 412 || (error instanceof S3ServiceException && error.name === 'ConditionalRequestConflict')
  );
}

/** The answer, or undefined where the provider says that there is no such thing. @throws SegueError as {@link unavailable} */
export async function orUndefined<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined;
    throw unavailable(error);
  }
}

/** Turns what the SDK throws into one error with the way out. */
export function unavailable(error: unknown): SegueError {
  if (error instanceof SegueError) return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const name = error instanceof Error ? error.name : 'Error';
  const text = error instanceof Error ? error.message.slice(0, 200) : '';
  return new SegueError(
    'bucket_unavailable',
    `The bucket answered ${status ?? 'nothing'}: ${name} ${text}`.trim(),
    {
      cause: error,
      hint: hintOf[troubleOf(error)],
    },
  );
}

/** Whether the provider does not have an operation, or not for these credentials. */
export function isUnsupported(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  const status = error.$metadata.httpStatusCode;
  return status === 501 || status === 405 || status === 403 || error.name === 'NotImplemented';
}
