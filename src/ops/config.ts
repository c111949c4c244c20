import { hostname } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  type BucketSettings,
  type Environment,
  httpUrl,
  isLoopback,
  type LogLevel,
  type PlaylistsConfig,
  parseEnvironment,
  parsePlaylistsConfig,
  playlistsDefaults,
  tracesUrlOf,
  variables,
  whole,
} from './settings.ts';
import { type SweepSettings, sweepSettings, sweepVariables } from './sweep-settings.ts';

export type { BucketSettings, Environment, PlaylistsConfig } from './settings.ts';
export { redacted } from './settings.ts';

/** Configuration of a node. */
export interface NodeConfig {
  /** Names the node in the catalog; must stay with its disk, because copies are recorded under it. */
  readonly nodeId: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** How the playlist service reaches this node. Absent: the address that it binds. */
  readonly url: string | undefined;
  /** Folder of this node alone: segments, cached assets. Absolute. */
  readonly dataFolder: string;
  /** Data or segments folders of dead nodes that this node takes over. Absolute. */
  readonly adopt: readonly string[];
  readonly databaseUrl: string;
  readonly bucket: BucketSettings;
  readonly secret: string;
  /** Folders that descriptions may take files from. Absolute. */
  readonly assetFolders: readonly string[];
  /** Hosts that descriptions may fetch from, as `host`, `host:port` or `*.domain`. */
  readonly assetHosts: readonly string[];
  /** Folder with the operator's modules. Absolute. */
  readonly modulesFolder: string | undefined;
  readonly ffmpegPath: string | undefined;
  readonly leaseSeconds: number;
  /** How far a render may run ahead of the last request while nobody plays, in seconds of media. */
  readonly renderAheadSeconds: number;
  /** Longest time that stopping gives to what is rendered and copied, in seconds. */
  readonly drainSeconds: number;
  /** This node's share of new renders, against that of others. */
  readonly weight: number;
  /** Free space that the node leaves on its disk, in bytes. */
  readonly diskReserveBytes: number;
  /** Memory that each ffmpeg process may have, in bytes. Absent: by that of the machine. */
  readonly renderMemoryBytes?: number | undefined;
  readonly sweep: SweepSettings;
  /** Where traces are sent; absent: there are none. */
  readonly tracesUrl?: string | undefined;
  readonly logLevel: LogLevel;
}

/** Configuration of `segue up` and `segue doctor`: what is absent is embedded or made by the stack. */
export interface StackConfig {
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  /** Absent: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Absent: the embedded bucket. */
  readonly bucket: BucketSettings | undefined;
  readonly secret: string | undefined;
  readonly adminToken: string | undefined;
  readonly ffmpegPath: string | undefined;
  /** Folder with modules; by default the examples', so that every example can be played. Absolute. */
  readonly modulesFolder: string;
  /** Prefix of the ids of the stack's nodes. */
  readonly nodeId: string;
  readonly demo: boolean;
  /** Whether posting a video needs a key although none was ever made. */
  readonly keysRequired: boolean;
  readonly logLevel: LogLevel;
  /** Node's compile cache of the parts. */
  readonly compileCache: string;
}

/** Configuration of commands that talk to a running playlist service. */
export interface CliConfig {
  /** Base URL of the playlist service. */
  readonly url: string;
  readonly dataFolder: string;
  readonly adminToken: string | undefined;
  /** A client's key. */
  readonly key: string | undefined;
  readonly ffmpegPath: string | undefined;
  readonly logLevel: LogLevel;
}

const list = (separator: string) =>
  z.string().transform((text) =>
    text
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

const folder = z.string().transform((path) => resolve(path));

const folders = list(delimiter).transform((paths) => paths.map((path) => resolve(path)));

const nodeVariables = {
  ...sweepVariables,
  SEGUE_DATA: folder.default(() => resolve('.segue')),
  SEGUE_ADOPT: folders.default([]),
  SEGUE_ASSETS: folders.default([]),
  SEGUE_ASSET_HOSTS: list(',')
    .pipe(
      z.array(
        z
          .string()
          .regex(
            /^(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?$/,
            'must be host names, as in media.example.org,*.example.net',
          ),
      ),
    )
    .default([]),
  SEGUE_MODULES: folder.optional(),
  FFMPEG_PATH: z.string().optional(),
  SEGUE_RENDER_AHEAD_SECONDS: z.coerce
    .number<string>({ error: 'must be a number of seconds' })
    .min(1, 'must be at least 1 seconds')
    .max(86_400, 'must be at most 86400 seconds')
    .default(60),
  SEGUE_NODE_ID: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9 and -')
    .default(
      () =>
        hostname()
          .toLowerCase()
          .replaceAll(/[^a-z0-9-]/g, '-')
          .replace(/^-+/, '')
          .slice(0, 63) || 'node',
    ),
  SEGUE_NODE_PORT: whole(0, 65_535).default(8090),
  SEGUE_NODE_URL: httpUrl.optional(),
  SEGUE_DRAIN_SECONDS: z.coerce
    .number<string>({ error: 'must be a number of seconds' })
    .min(0, 'must be at least 0 seconds')
    .max(86_400, 'must be at most 86400 seconds')
    .default(5),
  SEGUE_DISK_RESERVE_BYTES: z.coerce
    .number<string>({ error: 'must be a number of bytes' })
    .int('must be a whole number of bytes')
    .min(0, 'must be at least 0')
    .default(256 * 1024 * 1024),
  SEGUE_RENDER_MEMORY_BYTES: z.coerce
    .number<string>({ error: 'must be a number of bytes' })
    .int('must be a whole number of bytes')
    .min(64 * 1024 * 1024, 'must be at least 67108864')
    .optional(),
  SEGUE_NODE_WEIGHT: z.coerce
    .number<string>({ error: 'must be a number' })
    .min(0.01, 'must be at least 0.01')
    .max(100, 'must be at most 100')
    .default(1),
};

const bucketVariables = {
  S3_ENDPOINT: variables.S3_ENDPOINT,
  S3_BUCKET: variables.S3_BUCKET,
  S3_REGION: variables.S3_REGION.default('auto'),
  S3_ACCESS_KEY_ID: variables.S3_ACCESS_KEY_ID,
  S3_SECRET_ACCESS_KEY: variables.S3_SECRET_ACCESS_KEY,
  S3_PUBLIC_URL: variables.S3_PUBLIC_URL,
};

const nodeSchema = z.object({
  ...playlistsDefaults,
  ...nodeVariables,
  ...bucketVariables,
  HOST: variables.HOST.default('127.0.0.1'),
  DATABASE_URL: variables.DATABASE_URL,
  SEGUE_SECRET: variables.SEGUE_SECRET,
});

const stackSchema = z
  .object({
    ...playlistsDefaults,
    ...nodeVariables,
    HOST: variables.HOST.default('127.0.0.1'),
    PORT: variables.PORT.default(8080),
    DATABASE_URL: variables.DATABASE_URL.optional(),
    S3_ENDPOINT: variables.S3_ENDPOINT.optional(),
    S3_BUCKET: variables.S3_BUCKET.optional(),
    S3_REGION: variables.S3_REGION.default('auto'),
    S3_ACCESS_KEY_ID: variables.S3_ACCESS_KEY_ID.optional(),
    S3_SECRET_ACCESS_KEY: variables.S3_SECRET_ACCESS_KEY.optional(),
    S3_PUBLIC_URL: variables.S3_PUBLIC_URL.optional(),
    SEGUE_SECRET: variables.SEGUE_SECRET.optional(),
    SEGUE_ADMIN_TOKEN: variables.SEGUE_ADMIN_TOKEN.optional(),
    SEGUE_DEMO: variables.SEGUE_DEMO.optional(),
    // A line a request would push the lines that say where the parts listen off the screen.
    SEGUE_LOG_LEVEL: variables.SEGUE_LOG_LEVEL.default('warn'),
  })
  .superRefine((v, context) => {
    const names = [
      'S3_ENDPOINT',
      'S3_BUCKET',
      'S3_ACCESS_KEY_ID',
      'S3_SECRET_ACCESS_KEY',
      'S3_PUBLIC_URL',
    ] as const;
    const given = names.filter((name) => v[name] !== undefined);
    if (given.length === 0) return;
    for (const name of names) {
      if (v[name] !== undefined) continue;
      context.addIssue({ code: 'custom', path: [name], message: `is required when ${given[0]} is set` });
    }
  });

const cliSchema = z.object({
  SEGUE_DATA: nodeVariables.SEGUE_DATA,
  SEGUE_URL: httpUrl.optional(),
  PORT: variables.PORT.default(8080),
  SEGUE_ADMIN_TOKEN: variables.SEGUE_ADMIN_TOKEN.optional(),
  SEGUE_KEY: variables.SEGUE_KEY.optional(),
  FFMPEG_PATH: nodeVariables.FFMPEG_PATH,
  SEGUE_LOG_LEVEL: playlistsDefaults.SEGUE_LOG_LEVEL,
});

function bucketOf(v: z.output<z.ZodObject<typeof bucketVariables>>): BucketSettings {
  return {
    endpoint: v.S3_ENDPOINT,
    bucket: v.S3_BUCKET,
    region: v.S3_REGION,
    accessKeyId: v.S3_ACCESS_KEY_ID,
    secretAccessKey: v.S3_SECRET_ACCESS_KEY,
    publicUrl: v.S3_PUBLIC_URL,
  };
}

/** Configuration of the playlist service. @throws SegueError `configuration` with every problem. */
export function playlistsConfig(env: Environment = process.env): PlaylistsConfig {
  return parsePlaylistsConfig(env);
}

/** Configuration of a node. @throws SegueError `configuration` with every problem. */
export function nodeConfig(env: Environment = process.env): NodeConfig {
  const v = parseEnvironment(nodeSchema, env);
  return {
    nodeId: v.SEGUE_NODE_ID,
    host: v.HOST,
    port: v.SEGUE_NODE_PORT,
    url: v.SEGUE_NODE_URL,
    dataFolder: v.SEGUE_DATA,
    adopt: v.SEGUE_ADOPT,
    databaseUrl: v.DATABASE_URL,
    bucket: bucketOf(v),
    secret: v.SEGUE_SECRET,
    assetFolders: v.SEGUE_ASSETS,
    assetHosts: v.SEGUE_ASSET_HOSTS,
    modulesFolder: v.SEGUE_MODULES,
    ffmpegPath: v.FFMPEG_PATH,
    leaseSeconds: v.SEGUE_LEASE_SECONDS,
    renderAheadSeconds: v.SEGUE_RENDER_AHEAD_SECONDS,
    drainSeconds: v.SEGUE_DRAIN_SECONDS,
    weight: v.SEGUE_NODE_WEIGHT,
    diskReserveBytes: v.SEGUE_DISK_RESERVE_BYTES,
    renderMemoryBytes: v.SEGUE_RENDER_MEMORY_BYTES,
    sweep: sweepSettings(v),
    tracesUrl: tracesUrlOf(v),
    logLevel: v.SEGUE_LOG_LEVEL,
  };
}

/** Configuration of the embedded stack; also checks what it only hands on. @throws SegueError `configuration` with every problem. */
export function stackConfig(env: Environment = process.env): StackConfig {
  const v = parseEnvironment(stackSchema, env);
  const bucket = z.object(bucketVariables).safeParse(v);
  return {
    dataFolder: v.SEGUE_DATA,
    host: v.HOST,
    port: v.PORT,
    databaseUrl: v.DATABASE_URL,
    bucket: bucket.success ? bucketOf(bucket.data) : undefined,
    secret: v.SEGUE_SECRET,
    adminToken: v.SEGUE_ADMIN_TOKEN,
    ffmpegPath: v.FFMPEG_PATH,
    modulesFolder: v.SEGUE_MODULES ?? fileURLToPath(new URL('../../examples/modules', import.meta.url)),
    // Several stacks may share one external database, and a node's id must be its own there.
    nodeId: env['SEGUE_NODE_ID'] !== undefined || v.DATABASE_URL !== undefined ? v.SEGUE_NODE_ID : 'node',
    // The demo's kill button is for people at their own machine, not for whoever reaches a public address.
    demo: v.SEGUE_DEMO ?? isLoopback(v.HOST),
    keysRequired: v.SEGUE_KEYS_REQUIRED,
    logLevel: v.SEGUE_LOG_LEVEL,
    // Node's own variable: stacks that come and go may share one cache.
    compileCache: env['NODE_COMPILE_CACHE'] ?? join(v.SEGUE_DATA, 'cache'),
  };
}

/** Configuration of `segue make`, `segue verify` and the like. @throws SegueError `configuration` with every problem. */
export function cliConfig(env: Environment = process.env): CliConfig {
  const v = parseEnvironment(cliSchema, env);
  return {
    url: v.SEGUE_URL ?? `http://127.0.0.1:${v.PORT}`,
    dataFolder: v.SEGUE_DATA,
    adminToken: v.SEGUE_ADMIN_TOKEN,
    key: v.SEGUE_KEY,
    ffmpegPath: v.FFMPEG_PATH,
    logLevel: v.SEGUE_LOG_LEVEL,
  };
}

/** This process's environment with some variables set anew: what a child process of the stack is started with. */
export function childEnvironment(overrides: Environment): Record<string, string> {
  const merged = Object.entries({ ...process.env, ...overrides });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
