import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { assertGone, processesOf } from '../../support/processes.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const reportSchema = z.strictObject({
  version: z.literal(1),
  result: z.enum(['ok', 'warning', 'error']),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'error']),
      message: z.string().min(1),
      hint: z.string().min(1).optional(),
    }),
  ),
});

let database: TestPostgres;
let databaseUrl: string;
let bucket: TestBucket;
beforeAll(async () => {
  database = sharedPostgres();
  bucket = await startTestBucket();
  databaseUrl = await database.createDatabase();
});
afterAll(async () => {
  await Promise.all([database.stop(), bucket.stop()]);
});

/** Variables of the real database and bucket. */
function external(): Record<string, string> {
  const { endpoint, accessKeyId, secretAccessKey, publicUrl } = bucket.settings;
  return {
    DATABASE_URL: databaseUrl,
    S3_ENDPOINT: endpoint,
    S3_BUCKET: bucket.settings.bucket,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
    S3_PUBLIC_URL: publicUrl,
  };
}

async function doctor(env: Readonly<Record<string, string>>) {
  await using folder = await temporaryFolder();
  const { code, out } = await new Promise<{ code: number; out: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['src/cli/main.ts', 'doctor', '--json'],
      { cwd: root, env: { ...process.env, PORT: '0', SEGUE_DATA: folder.path, ...env } },
      (_error, stdout) => resolve({ code: child.exitCode ?? -1, out: stdout }),
    );
  });
  await assertGone(() => processesOf(folder.path));
  const report = reportSchema.parse(JSON.parse(out));
  const state = (name: string) => report.checks.find((check) => check.name === name)?.state;
  return { code, report, state };
}

const bucketChecks = ['write', 'condition', 'read', 'public', 'cors', 'range', 'delete'].map(
  (name) => `bucket ${name}`,
);

test('nothing configured: the embedded parts are started, probed and ended', async () => {
  const { code, report } = await doctor({});
  expect(code).toBe(0);
  const names = report.checks.map(({ name }) => name);
  expect(names).toEqual([
    'node',
    'ffmpeg',
    'limits',
    'disk',
    'port',
    'database',
    'access',
    ...bucketChecks,
    'clock',
  ]);
  expect(report.checks.filter(({ state }) => state === 'error')).toEqual([]);
});

test('a real database and bucket: all is well and nothing is left in the bucket', async () => {
  const { code, report } = await doctor(external());
  // An old ffmpeg, and a disk that is slow or nearly full, are warned of.
  const ofMachine = ['ffmpeg', 'disk'];
  expect(report.checks.filter(({ state, name }) => state !== 'ok' && !ofMachine.includes(name))).toEqual([]);
  expect(code).toBe(0);
  expect(await bucket.keys()).toEqual([]);
});

test('bad settings: each is an error with its variable, nothing is tried', async () => {
  const { code, report } = await doctor({ PORT: '99999', SEGUE_SECRET: 'short' });
  expect(code).toBe(1);
  expect(report.checks.map(({ name, message }) => [name, message])).toEqual([
    ['node', expect.stringContaining('Node.js')],
    ['settings', 'PORT: must be at most 65535 (got 99999)'],
    ['settings', 'SEGUE_SECRET: must have at least 32 characters (got ***)'],
  ]);
});

test('a wrong S3 key and a wrong database password are told apart, with the way out', async () => {
  const url = new URL(databaseUrl);
  url.password = 'guessed';
  const { code, report, state } = await doctor({
    ...external(),
    S3_SECRET_ACCESS_KEY: 'guessed',
    DATABASE_URL: url.href,
  });
  expect(code).toBe(1);
  expect([state('database'), state('bucket write')]).toEqual(['error', 'error']);
  const text = JSON.stringify(report);
  expect(text).toContain('password authentication failed');
  expect(text).not.toContain('guessed');
  expect(report.checks.find(({ name }) => name === 'bucket write')?.hint).toContain('S3_ACCESS_KEY_ID');
});

test('nobody behind the public url', async () => {
  const { code, state } = await doctor({ ...external(), S3_PUBLIC_URL: 'http://127.0.0.1:9' });
  expect([code, state('bucket write'), state('bucket public'), state('bucket cors')]).toEqual([
    1,
    'ok',
    'error',
    'error',
  ]);
});

test('an ffmpeg that is none', async () => {
  const { code, state } = await doctor({ ...external(), FFMPEG_PATH: '/nonexistent/ffmpeg' });
  expect([code, state('ffmpeg'), state('database')]).toEqual([1, 'error', 'ok']);
});

test('the port is taken by another program', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { code, report } = await doctor({ ...external(), PORT: String(port) });
  expect(code).toBe(1);
  expect(report.checks.find(({ name }) => name === 'port')).toMatchObject({
    state: 'error',
    hint: `Choose another port: PORT=${port + 1}`,
  });
  await new Promise((resolve) => server.close(resolve));
});

test('a folder that cannot be written, by root neither', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, 'in the way');
  const { code, state } = await doctor({ ...external(), SEGUE_DATA: join(file, 'data') });
  expect([code, state('disk')]).toEqual([1, 'error']);
});

test('a bucket that is away', async () => {
  await using proxy = await startFaultProxy(bucket.settings.endpoint);
  await proxy.fail({ kind: 'status', status: 503 });
  const { code, state } = await doctor({
    ...external(),
    S3_ENDPOINT: through(proxy, bucket.settings.endpoint),
  });
  expect([code, state('bucket write'), state('database')]).toEqual([1, 'error', 'ok']);
});
