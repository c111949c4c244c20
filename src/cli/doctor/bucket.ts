import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { BucketSettings } from '../../ops/config.ts';
import { check, type Finding, failure, ok, warning } from './check.ts';

/** One object that the probe writes, reads and removes. */
interface Probe {
  readonly client: S3Client;
  readonly settings: BucketSettings;
  readonly key: string;
  readonly data: Buffer;
  readonly url: string;
}

const origin = 'https://viewer.example';
const credentialsHint =
  'Check S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and that this key may put, get and delete.';
const publicHint =
  'Make the bucket (or its CDN) publicly readable and set S3_PUBLIC_URL to its base URL, without the bucket name unless it is part of the path.';

function openProbe(settings: BucketSettings): Probe {
  const { endpoint, region, accessKeyId, secretAccessKey, publicUrl } = settings;
  const key = `segue-doctor/${randomBytes(8).toString('hex')}.m4s`;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 2,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return { client, settings, key, data: randomBytes(4096), url: `${publicUrl}/${key}` };
}

async function put(probe: Probe, extra: Partial<PutObjectCommandInput>, signal: AbortSignal) {
  const input = {
    Bucket: probe.settings.bucket,
    Key: probe.key,
    Body: probe.data,
    ContentType: 'video/iso.segment',
  };
  return probe.client.send(new PutObjectCommand({ ...input, ...extra }), { abortSignal: signal });
}

function write(probe: Probe): Promise<Finding> {
  return check('bucket write', credentialsHint, async (signal) => {
    const four = Buffer.alloc(4);
    four.writeUInt32BE(crc32(probe.data));
    const checksum = four.toString('base64');
    const answer = await put(probe, { ChecksumCRC32: checksum }, signal);
    const md5 = createHash('md5').update(probe.data).digest('hex');
    if (answer.ChecksumCRC32 === checksum)
      return ok('bucket write', 'an object was put; the answer carries its CRC-32');
    if (answer.ETag === `"${md5}"`)
      return ok('bucket write', 'an object was put; the answer carries its MD5');
    return warning(
      'bucket write',
      'an object was put, but the answer carries no checksum',
      'Segue then compares sizes only.',
    );
  });
}

function condition(probe: Probe): Promise<Finding> {
  const name = 'bucket condition';
  return check(name, credentialsHint, async (signal) => {
    try {
      await put(probe, { IfNoneMatch: '*' }, signal);
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      if (status === 412 || status === 409)
        return ok(name, 'a put over an existing object is refused (If-None-Match)');
      throw error;
    }
    return warning(
      name,
      'If-None-Match is ignored: a put over an existing object succeeds',
      'Two nodes may then store the same segment twice (same bytes, so nothing breaks). A provider with conditional writes avoids it.',
    );
  });
}

function readBack(probe: Probe): Promise<Finding> {
  return check('bucket read', credentialsHint, async (signal) => {
    const input = { Bucket: probe.settings.bucket, Key: probe.key };
    const answer = await probe.client.send(new GetObjectCommand(input), { abortSignal: signal });
    const bytes = await answer.Body?.transformToByteArray();
    if (bytes !== undefined && probe.data.equals(bytes)) return ok('bucket read', 'the same bytes came back');
    return failure(
      'bucket read',
      'other bytes came back than were put',
      'Something between here and the bucket changes objects.',
    );
  });
}

async function fetched(probe: Probe, headers: Record<string, string>, signal: AbortSignal) {
  const response = await fetch(probe.url, { headers: { origin, ...headers }, signal, redirect: 'manual' });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

function publicRead(probe: Probe): Promise<Finding> {
  return check('bucket public', publicHint, async (signal) => {
    const { response, bytes } = await fetched(probe, {}, signal);
    if (response.status !== 200)
      return failure('bucket public', `GET ${probe.url} answers ${response.status}`, publicHint);
    if (!bytes.equals(probe.data))
      return failure('bucket public', `GET ${probe.url} gives other bytes`, publicHint);
    return ok('bucket public', `readable below ${probe.settings.publicUrl}`);
  });
}

function cors(probe: Probe): Promise<Finding> {
  const hint =
    'Allow GET and HEAD from every origin (*) in the CORS rules of the bucket or CDN, or browsers cannot play.';
  return check('bucket cors', hint, async (signal) => {
    const { response } = await fetched(probe, {}, signal);
    const allowed = response.headers.get('access-control-allow-origin');
    if (allowed === '*') return ok('bucket cors', 'any page may read');
    // An answer for one origin is wrong for the next viewer when a cache keeps it.
    if (allowed === origin)
      return warning('bucket cors', 'CORS answers with the asking origin instead of *', hint);
    return failure(
      'bucket cors',
      `no access-control-allow-origin in the answer (${allowed ?? 'absent'})`,
      hint,
    );
  });
}

function range(probe: Probe): Promise<Finding> {
  const hint = 'Use a bucket or CDN that answers Range with 206; some players ask for parts.';
  return check('bucket range', hint, async (signal) => {
    const { response, bytes } = await fetched(probe, { range: 'bytes=100-199' }, signal);
    if (response.status === 206 && bytes.equals(probe.data.subarray(100, 200)))
      return ok('bucket range', 'parts can be read');
    return warning(
      'bucket range',
      `a Range request answers ${response.status} with ${bytes.length} bytes`,
      hint,
    );
  });
}

/** Clock skew against the bucket: S3 refuses signatures that are 15 minutes off. */
function clock(probe: Probe): Promise<Finding> {
  return check('clock', credentialsHint, async (signal) => {
    const begun = Date.now();
    const response = await fetch(probe.settings.endpoint, { method: 'HEAD', signal });
    const middle = (begun + Date.now()) / 2;
    const date = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(date)) return ok('clock', 'the bucket does not tell its time (no Date header)');
    // The header has whole seconds: half a second of error on average.
    const skew = Math.abs(date + 500 - middle) / 1000;
    const text = `${skew.toFixed(1)} s apart from the bucket`;
    const hint = 'Synchronise the clock of this machine (NTP).';
    if (skew > 600) return failure('clock', text, hint);
    return skew > 5 ? warning('clock', text, hint) : ok('clock', text);
  });
}

function remove(probe: Probe): Promise<Finding> {
  return check(
    'bucket delete',
    'Allow the keys to delete: Segue removes what a policy no longer keeps.',
    async (signal) => {
      const input = { Bucket: probe.settings.bucket, Key: probe.key };
      await probe.client.send(new DeleteObjectCommand(input), { abortSignal: signal });
      return ok('bucket delete', 'the object was removed');
    },
  );
}

/** The bucket, by a real object: written, guarded, read by key and by its public URL, removed; and the clock against it. */
export async function checkBucket(settings: BucketSettings): Promise<Finding[]> {
  const probe = openProbe(settings);
  try {
    const written = await write(probe);
    if (written.state === 'error') return [written, await clock(probe)];
    const findings = [written];
    for (const step of [condition, readBack, publicRead, cors, range, remove, clock])
      findings.push(await step(probe));
    return findings;
  } finally {
    probe.client.destroy();
  }
}
