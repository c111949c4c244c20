import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  type StorageClass,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { SegueError } from '../ops/errors.ts';
import type { BucketSettings } from '../ops/settings.ts';
import { isExisting, isUnsupported, orUndefined, unavailable } from './bucket-error.ts';
import { immutable } from './names.ts';

/** An object as it is to be stored. */
export interface NewObject {
  key: string;
  data: Uint8Array;
  contentType: string;
  cacheControl: string;
  /** Stored whatever is there: for the few names whose bytes may change. Absent: false. */
  replaces?: boolean;
  /** Absent, or null: the bucket's own. */
  storageClass?: string | null;
  tags?: Readonly<Record<string, string>>;
  /** Objects above this size go up in parts of it. Absent: {@link partSize}. */
  partBytes?: number;
}

/** How a put ended: the bytes are in the bucket and verified either way. */
export type PutOutcome = 'stored' | 'was-there';

/** A multipart upload that was begun and neither completed nor aborted. */
export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly begunAt: Date;
}

/** Some of the uploads, and where the next ones begin. */
export interface PendingUploads {
  readonly uploads: readonly PendingUpload[];
  /** To be handed back for the next page; undefined where this is the last. */
  readonly next: Pick<PendingUpload, 'key' | 'uploadId'> | undefined;
}

/** The bucket, through the S3 API. Every call throws {@link SegueError} `bucket_unavailable` where the provider does not answer well. */
export interface Bucket {
  /**
   * Stores an object that must not exist with other bytes, unless it `replaces` them: one conditional PUT (`If-None-Match: *`), multipart above the part
   * size. Verified by CRC-32 or ETag of the answer, or by HEAD where the provider returns neither. An object that is there
   * already and equal counts as stored (the answer of an earlier PUT was lost); one that differs is an error and is left alone.
   */
  put(object: NewObject, signal?: AbortSignal): Promise<PutOutcome>;
  /** Size in bytes, or undefined where there is no such object. */
  size(key: string, signal?: AbortSignal): Promise<number | undefined>;
  /** The whole object, or undefined where there is none. */
  get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Stores a file under a name that nobody writes other bytes to (a content hash); in parts where it is large. */
  putFile(key: string, path: string, contentType: string, signal?: AbortSignal): Promise<void>;
  /** The object as a stream, or undefined where there is none. */
  stream(key: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Every object below a prefix, with its size. */
  list(prefix: string, signal?: AbortSignal): AsyncGenerator<{ key: string; bytes: number }>;
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** A page of the multipart uploads below a prefix; undefined where the provider does not list them, or not for these credentials. */
  uploads(
    prefix: string,
    after: PendingUploads['next'],
    signal?: AbortSignal,
  ): Promise<PendingUploads | undefined>;
  /** Ends a multipart upload and removes its parts. One that has ended already is as good. */
  abortUpload(upload: Pick<PendingUpload, 'key' | 'uploadId'>, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Above this many bytes an object goes up in parts; S3 wants parts of at least 5 MiB. */
const partSize = 8 * 1024 * 1024;

/** Opens the bucket. Connects lazily; the SDK itself never retries, because exactly one layer does (the caller). */
export function openBucket(settings: BucketSettings): Bucket {
  const client = new S3Client({
    endpoint: settings.endpoint,
    region: settings.region,
    forcePathStyle: true,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey },
    maxAttempts: 1,
    // Checksums are ours to compute (once, natively); the SDK's streamed trailers are what S3-compatibles break on.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const Bucket = settings.bucket;
  const timeout = (bytes: number, signal: AbortSignal | undefined): { abortSignal: AbortSignal } => {
    // Half a minute and a floor of 64 KiB/s: a stalled provider must not hold a slot for ever.
    const limit = AbortSignal.timeout(Math.ceil(30_000 + bytes / 64));
    return { abortSignal: signal === undefined ? limit : AbortSignal.any([signal, limit]) };
  };

  const size = async (key: string, signal?: AbortSignal): Promise<number | undefined> => {
    const answer = await orUndefined(() =>
      client.send(new HeadObjectCommand({ Bucket, Key: key }), timeout(0, signal)),
    );
    return answer === undefined ? undefined : (answer.ContentLength ?? 0);
  };

  const verifyExisting = async (object: NewObject, signal?: AbortSignal): Promise<PutOutcome> => {
    const there = await get(object.key, signal);
    if (there === undefined) {
      throw new SegueError(
        'bucket_unavailable',
        `The bucket refused ${object.key} as existing, but has no such object`,
      );
    }
    if (there.byteLength === object.data.byteLength && crc32(there) === crc32(object.data))
      return 'was-there';
    throw new SegueError('internal', `The bucket holds other bytes under ${object.key}`, {
      hint: 'The object was left as it is. Find out who wrote it; delete it to let Segue store its own.',
      retryable: false,
    });
  };

  const get = async (key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> => {
    const answer = await orUndefined(() =>
      client.send(new GetObjectCommand({ Bucket, Key: key }), timeout(partSize, signal)),
    );
    return answer?.Body?.transformToByteArray().catch((error: unknown) => {
      throw unavailable(error);
    });
  };

  return {
    async put(object, signal) {
      const { storageClass = null, tags = {}, partBytes = partSize } = object;
      const common = {
        Bucket,
        Key: object.key,
        Body: object.data,
        ContentType: object.contentType,
        CacheControl: object.cacheControl,
        ...(storageClass === null ? {} : { StorageClass: storageClass as StorageClass }),
        ...(Object.keys(tags).length === 0 ? {} : { Tagging: String(new URLSearchParams(tags)) }),
        ...(object.replaces === true ? {} : { IfNoneMatch: '*' }),
      };
      try {
        if (object.data.byteLength > partBytes) {
          await uploadParts(client, common, timeout(object.data.byteLength, signal).abortSignal, partBytes);
        } else {
          const checksum = base64Crc(object.data);
          const answer = await client.send(
            new PutObjectCommand({ ...common, ChecksumCRC32: checksum }),
            timeout(object.data.byteLength, signal),
          );
          if (answer.ChecksumCRC32 !== undefined) {
            if (answer.ChecksumCRC32 === checksum) return 'stored';
            throw new SegueError(
              'bucket_unavailable',
              `The bucket stored ${object.key} with another checksum`,
            );
          }
          if (answer.ETag !== undefined && answer.ETag === `"${md5(object.data)}"`) return 'stored';
        }
      } catch (error) {
        if (isExisting(error)) return verifyExisting(object, signal);
        throw unavailable(error);
      }
      // Neither a checksum nor an MD5 came back: the length is the last thing to hold the answer against.
      const stored = await size(object.key, signal);
      if (stored === object.data.byteLength) return 'stored';
      throw new SegueError('bucket_unavailable', `The bucket has ${stored ?? 'no'} bytes of ${object.key}`);
    },
    size,
    get,
    async putFile(key, path, contentType, signal) {
      const { size: bytes } = await stat(path);
      const params = {
        Bucket,
        Key: key,
        Body: createReadStream(path),
        ContentType: contentType,
        CacheControl: immutable,
      };
      await uploadParts(client, params, timeout(bytes, signal).abortSignal);
      const stored = await size(key, signal);
      if (stored === bytes) return;
      throw new SegueError(
        'bucket_unavailable',
        `The bucket has ${stored ?? 'no'} bytes of ${key}, not ${bytes}`,
      );
    },
    async stream(key, signal) {
      const answer = await orUndefined(() =>
        client.send(
          new GetObjectCommand({ Bucket, Key: key }),
          signal === undefined ? {} : { abortSignal: signal },
        ),
      );
      return answer?.Body as AsyncIterable<Uint8Array> | undefined;
    },
    async *list(prefix, signal) {
      let token: string | undefined;
      do {
        const page = await client
          .send(
            new ListObjectsV2Command({
              Bucket,
              Prefix: prefix,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
            timeout(0, signal),
          )
          .catch((error: unknown) => {
            throw unavailable(error);
          });
        for (const { Key, Size } of page.Contents ?? [])
          if (Key !== undefined) yield { key: Key, bytes: Size ?? 0 };
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    async delete(key, signal) {
      await orUndefined(() => client.send(new DeleteObjectCommand({ Bucket, Key: key }), timeout(0, signal)));
    },
    async uploads(prefix, after, signal) {
      const marks = after === undefined ? {} : { KeyMarker: after.key, UploadIdMarker: after.uploadId };
      try {
        const page = await client.send(
          new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...marks }),
          timeout(0, signal),
        );
        return pendingOf(page);
      } catch (error) {
        if (isUnsupported(error)) return undefined;
        throw unavailable(error);
      }
    },
    async abortUpload({ key, uploadId }, signal) {
      await orUndefined(() =>
        client.send(
          new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }),
          timeout(0, signal),
        ),
      );
    },
    close: () => client.destroy(),
  };
}

function pendingOf(page: ListMultipartUploadsCommandOutput): PendingUploads {
  const { NextKeyMarker: key, NextUploadIdMarker: uploadId } = page;
  return {
    uploads: (page.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) =>
      Key === undefined || UploadId === undefined || Initiated === undefined
        ? []
        : [{ key: Key, uploadId: UploadId, begunAt: Initiated }],
    ),
    next:
      page.IsTruncated === true && key !== undefined && uploadId !== undefined
        ? { key, uploadId }
        : undefined,
  };
}

/** Multipart upload; a failed one is aborted, so that no part is left to be paid for. */
async function uploadParts(
  client: S3Client,
  params: PutObjectCommandInput,
  signal: AbortSignal,
  partBytes = partSize,
): Promise<void> {
  const upload = new Upload({ client, params, partSize: partBytes, queueSize: 2, leavePartsOnError: false });
  const abort = (): void => void upload.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await upload.done();
  } catch (error) {
    throw isExisting(error) ? error : unavailable(error);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** CRC-32 as S3 wants it: base64 of the four bytes, big-endian. */
function base64Crc(data: Uint8Array): string {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(data));
  return four.toString('base64');
}

const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');
