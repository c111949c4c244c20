import { delimiter, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cliConfig, nodeConfig, playlistsConfig, redacted, stackConfig } from '../../../src/ops/config.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const bucket = {
  S3_ENDPOINT: 'https://s3.example.org/',
  S3_BUCKET: 'videos',
  S3_ACCESS_KEY_ID: 'id',
  S3_SECRET_ACCESS_KEY: 'key-that-is-secret',
  S3_PUBLIC_URL: 'https://cdn.example.org/v/',
};
const secret = 'a-secret-of-more-than-32-characters';
const node = { ...bucket, DATABASE_URL: 'postgres://u:p@db.example.org/segue', SEGUE_SECRET: secret };

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof SegueError && error.code === 'configuration') return error.problems;
    throw error;
  }
  return [];
}

describe('bad values', () => {
  test.each([
    ['PORT', 'eighty', 'must be a whole number'],
    ['PORT', '80.5', 'must be a whole number'],
    ['PORT', '-1', 'must be at least 0'],
    ['PORT', '65536', 'must be at most 65535'],
    ['HOST', 'a b', 'must be a host name or an address'],
    ['SEGUE_HOLD_SECONDS', '0', 'must be at least 1 seconds'],
    ['SEGUE_HOLD_SECONDS', '601', 'must be at most 600 seconds'],
    ['SEGUE_HOLD_SECONDS', 'Infinity', 'must be a number of seconds'],
    ['SEGUE_HOLD_SILENT_SECONDS', '-0.1', 'must be at least 0 seconds'],
    ['SEGUE_LEASE_SECONDS', '0.1', 'must be at least 0.5 seconds'],
    ['SEGUE_LEASE_SECONDS', 'three', 'must be a number of seconds'],
    ['SEGUE_MAX_HOLDS', '0', 'must be at least 1'],
    ['SEGUE_RENDER_AHEAD_SECONDS', '0', 'must be at least 1 seconds'],
    ['SEGUE_NODE_PORT', 'x', 'must be a whole number'],
    ['SEGUE_NODE_ID', 'Node A', 'must be 1 to 63 of a-z, 0-9 and -'],
    ['SEGUE_NODE_URL', 'ftp://node', 'must be an http:// or https:// URL'],
    [
      'SEGUE_ASSET_HOSTS',
      'media.example.org,http://x',
      'must be host names, as in media.example.org,*.example.net',
    ],
    ['SEGUE_SWEEP_HOURS', 'daily', 'must be a number of hours'],
    ['SEGUE_SWEEP_HOURS', '-1', 'must be at least 0 hours'],
    ['SEGUE_ORPHAN_GRACE_SECONDS', 'a week', 'must be a number of seconds'],
    ['SEGUE_UPLOAD_GRACE_SECONDS', '60', 'must be at least 3600 seconds'],
    ['SEGUE_DEMO', 'maybe', 'must be true or false'],
    ['SEGUE_LOG_LEVEL', 'loud', 'must be one of trace, debug, info, warn, error, fatal, silent'],
  ])('%s=%s: %s', (name, value, message) => {
    expect(problemsOf(() => stackConfig({ [name]: value }))).toEqual([`${name}: ${message} (got ${value})`]);
  });

  test('every problem is told at once', () => {
    const problems = problemsOf(() => stackConfig({ PORT: 'x', SEGUE_DEMO: 'q', SEGUE_LOG_LEVEL: 'z' }));
    expect(new Set(problems.map((problem) => problem.split(':')[0]))).toEqual(
      new Set(['PORT', 'SEGUE_DEMO', 'SEGUE_LOG_LEVEL']),
    );
  });

  test('secrets are not in messages', () => {
    const env = { DATABASE_URL: 'mysql://root:hunter2@db', SEGUE_SECRET: 'short', SEGUE_ADMIN_TOKEN: 'tiny' };
    expect(problemsOf(() => stackConfig(env))).toEqual([
      'DATABASE_URL: must be a postgres:// URL, as in postgres://user:password@host:5432/database (got ***)',
      'SEGUE_SECRET: must have at least 32 characters (got ***)',
      'SEGUE_ADMIN_TOKEN: must have at least 16 characters (got ***)',
    ]);
    expect(problemsOf(() => stackConfig({ ...bucket, S3_ENDPOINT: 'ftp://me:pass@host' }))[0]).toBe(
      'S3_ENDPOINT: must be an http:// or https:// URL (got ftp://***@host)',
    );
  });

  test('a bucket is configured whole or not at all', () => {
    expect(problemsOf(() => stackConfig({ S3_BUCKET: 'videos', S3_ENDPOINT: 'http://s3' }))).toEqual([
      'S3_ACCESS_KEY_ID: is required when S3_ENDPOINT is set',
      'S3_SECRET_ACCESS_KEY: is required when S3_ENDPOINT is set',
      'S3_PUBLIC_URL: is required when S3_ENDPOINT is set',
    ]);
  });

  test('what a service needs is required', () => {
    expect(problemsOf(() => playlistsConfig({}))).toEqual([
      'DATABASE_URL: is required',
      'S3_PUBLIC_URL: is required',
      'SEGUE_SECRET: is required',
      'SEGUE_ADMIN_TOKEN: is required',
    ]);
    expect(problemsOf(() => nodeConfig({ ...node, SEGUE_SECRET: '' }))).toEqual([
      'SEGUE_SECRET: is required',
    ]);
  });
});

describe('good values', () => {
  test('nothing set: embedded everything, in .segue', () => {
    expect(stackConfig({})).toMatchObject({
      dataFolder: resolve('.segue'),
      host: '127.0.0.1',
      port: 8080,
      databaseUrl: undefined,
      bucket: undefined,
      nodeId: 'node',
      demo: true,
    });
  });

  test('the kill button is off on a public address unless asked for', () => {
    expect(stackConfig({ HOST: '0.0.0.0' }).demo).toBe(false);
    expect(stackConfig({ HOST: '0.0.0.0', SEGUE_DEMO: 'yes' }).demo).toBe(true);
  });

  test('a node', () => {
    const config = nodeConfig({
      ...node,
      SEGUE_ADOPT: ['/mnt/node-7', 'disk'].join(delimiter),
      SEGUE_ASSETS: ['media', '/srv/clips', ''].join(delimiter),
      SEGUE_ASSET_HOSTS: 'media.example.org, *.example.net,localhost:9000',
      SEGUE_NODE_PORT: '0',
    });
    expect(config).toMatchObject({
      port: 0,
      url: undefined,
      adopt: [resolve('/mnt/node-7'), resolve('disk')],
      assetFolders: [resolve('media'), resolve('/srv/clips')],
      assetHosts: ['media.example.org', '*.example.net', 'localhost:9000'],
      bucket: { endpoint: 'https://s3.example.org', publicUrl: 'https://cdn.example.org/v', region: 'auto' },
      leaseSeconds: 2,
    });
    expect(config.nodeId).toMatch(/^[a-z0-9][a-z0-9-]*$/);
  });

  test('the commands talk to this machine unless told otherwise', () => {
    expect(cliConfig({ PORT: '9999' }).url).toBe('http://127.0.0.1:9999');
    expect(cliConfig({ SEGUE_URL: 'https://segue.example.org/' }).url).toBe('https://segue.example.org');
  });

  test('printed without secrets', () => {
    const text = JSON.stringify([
      redacted(nodeConfig(node)),
      redacted(stackConfig({ SEGUE_ADMIN_TOKEN: 'sixteen-letters-x' })),
    ]);
    for (const hidden of [secret, 'key-that-is-secret', 'u:p@', 'sixteen-letters-x'])
      expect(text).not.toContain(hidden);
    expect(text).toContain('videos');
  });
});
