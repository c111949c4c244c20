import { z } from 'zod';
import { type OnDemandPolicy, onDemandPolicies } from '../rendition/on-demand.ts';
import { type AdmissionSettings, admissionSettings, admissionVariables } from './admission-settings.ts';
import { SegueError } from './errors.ts';

/** Variables by name, as `process.env` or a Worker's bindings hold them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the bucket is and how it is read: S3 API for writing, a public base URL (the CDN) for viewers. */
export interface BucketSettings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Base URL below which every object is publicly readable, without a trailing slash. */
  readonly publicUrl: string;
}

/** Log levels of pino, and `silent`. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Configuration of the playlist service. It holds no S3 key: the service only ever redirects to the public URL. */
export interface PlaylistsConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly databaseUrl: string;
  /** Base URL below which every object is publicly readable, without a trailing slash. */
  readonly bucketPublicUrl: string;
  /** Shared with the nodes: video ids and URL signatures derive from it. */
  readonly secret: string;
  readonly adminToken: string;
  /** Seconds after which a silent node loses its lease. */
  readonly leaseSeconds: number;
  /** Longest time that a request for a segment that does not exist yet is held, in seconds. */
  readonly holdSeconds: number;
  /** Part of the hold without a byte sent, in seconds: until then a redirect is still possible. */
  readonly holdSilentSeconds: number;
  /** Requests held at once; one more is answered 503 with Retry-After. */
  readonly maxHolds: number;
  /** Whether another playlist service may listen on the same port, so that the next one starts before the last one stops. */
  readonly sharePort: boolean;
  /** Whether playlists offer Content Steering. */
  readonly steering: boolean;
  /** Name of the profile of new videos. */
  readonly profile: string;
  /** What is made only once somebody asks for it. */
  readonly onDemand: OnDemandPolicy;
  /** Whether the demo page may kill a node. */
  readonly demo: boolean;
  /** What clients may ask for. */
  readonly admission: AdmissionSettings;
  /** Where traces are sent; absent: there are none. */
  readonly tracesUrl?: string | undefined;
  readonly logLevel: LogLevel;
}

/** Whether what listens on a host can be reached from this machine only. */
export const isLoopback = (host: string): boolean => ['127.0.0.1', 'localhost', '::1'].includes(host);

/** A number of seconds within bounds. */
export const seconds = (min: number, max: number) =>
  z.coerce
    .number<string>({ error: 'must be a number of seconds' })
    .min(min, `must be at least ${min} seconds`)
    .max(max, `must be at most ${max} seconds`);

/** A whole number within bounds. */
export const whole = (min: number, max: number) =>
  z.coerce
    .number<string>({ error: 'must be a whole number' })
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

/** A base URL, http or https, without its trailing slash. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .transform((url) => url.replace(/\/+$/, ''));

/** A base URL that may be shown: credentials go elsewhere. */
const collectorUrl = httpUrl.refine((url) => !/\/\/[^/]*@/.test(url), {
  error: 'must have no user or password: set OTEL_EXPORTER_OTLP_HEADERS instead',
});

/** A switch: 1, true, yes, on, or the opposites. */
const flag = z.stringbool({ error: 'must be true or false' });

/** Text of a minimum length, for secrets. */
const secret = (length: number) => z.string().min(length, `must have at least ${length} characters`);

/** Every variable that some process reads, with its own check; defaults and what is required are each process's matter. */
export const variables = {
  HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an address'),
  PORT: whole(0, 65_535),
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: 'must be a postgres:// URL, as in postgres://user:password@host:5432/database',
  }),
  S3_ENDPOINT: httpUrl,
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name: 3 to 63 of a-z, 0-9, . and -'),
  S3_REGION: z.string().regex(/^[a-z0-9-]+$/, 'must be a region name such as eu-central-1 or auto'),
  S3_ACCESS_KEY_ID: z.string(),
  S3_SECRET_ACCESS_KEY: z.string(),
  S3_PUBLIC_URL: httpUrl,
  SEGUE_SECRET: secret(32),
  SEGUE_ADMIN_TOKEN: secret(16),
  SEGUE_KEY: secret(16),
  SEGUE_LEASE_SECONDS: seconds(0.5, 60),
  SEGUE_HOLD_SECONDS: seconds(1, 600),
  SEGUE_HOLD_SILENT_SECONDS: seconds(0, 60),
  SEGUE_MAX_HOLDS: whole(1, 100_000),
  SEGUE_SHARE_PORT: flag,
  SEGUE_STEERING: flag,
  SEGUE_PROFILE: z.string().max(64, 'must be the name of a profile'),
  SEGUE_ON_DEMAND: z.enum(onDemandPolicies, { error: `must be one of ${onDemandPolicies.join(', ')}` }),
  SEGUE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    error: 'must be one of trace, debug, info, warn, error, fatal, silent',
  }),
  SEGUE_DEMO: flag,
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl,
} as const;

/** Where traces are sent: `/v1/traces` below the endpoint, or the URL that is for traces alone, as OpenTelemetry has it. */
export const tracesUrlOf = (v: {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
}): string | undefined =>
  v.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ??
  (v.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : `${v.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`);

/** Settings that the playlist service and the stack that starts it share, with their defaults. */
export const playlistsDefaults = {
  ...admissionVariables,
  SEGUE_LEASE_SECONDS: variables.SEGUE_LEASE_SECONDS.default(2),
  SEGUE_HOLD_SECONDS: variables.SEGUE_HOLD_SECONDS.default(60),
  SEGUE_HOLD_SILENT_SECONDS: variables.SEGUE_HOLD_SILENT_SECONDS.default(1.5),
  SEGUE_MAX_HOLDS: variables.SEGUE_MAX_HOLDS.default(1000),
  SEGUE_SHARE_PORT: variables.SEGUE_SHARE_PORT.default(false),
  SEGUE_STEERING: variables.SEGUE_STEERING.default(false),
  SEGUE_PROFILE: variables.SEGUE_PROFILE.default('default'),
  SEGUE_ON_DEMAND: variables.SEGUE_ON_DEMAND.default('stills'),
  SEGUE_LOG_LEVEL: variables.SEGUE_LOG_LEVEL.default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: variables.OTEL_EXPORTER_OTLP_ENDPOINT.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT.optional(),
} as const;

const playlistsSchema = z.object({
  ...playlistsDefaults,
  HOST: variables.HOST.default('127.0.0.1'),
  PORT: variables.PORT.default(8080),
  DATABASE_URL: variables.DATABASE_URL,
  S3_PUBLIC_URL: variables.S3_PUBLIC_URL,
  SEGUE_SECRET: variables.SEGUE_SECRET,
  SEGUE_ADMIN_TOKEN: variables.SEGUE_ADMIN_TOKEN,
  SEGUE_DEMO: variables.SEGUE_DEMO.default(false),
});

/** Variables whose values are never printed. */
const secretNames = new Set([
  'DATABASE_URL',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'SEGUE_SECRET',
  'SEGUE_ADMIN_TOKEN',
  'SEGUE_KEY',
  'SEGUE_CDN_SECRET',
]);

/** How a value may be shown in a message: secrets and credentials inside URLs are hidden, long values cut. */
function shown(name: string, value: string): string {
  if (secretNames.has(name)) return '***';
  const text = value.replace(/\/\/[^/@]*@/, '//***@');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Parses an environment by a schema of variables. An empty value counts as unset.
 * @throws SegueError `configuration` with every problem as `NAME: message (got value)`.
 */
export function parseEnvironment<T>(schema: z.ZodType<T>, env: Environment): T {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '');
    const value = env[name];
    return value === undefined || value === ''
      ? `${name}: ${issue.code === 'custom' ? issue.message : 'is required'}`
      : `${name}: ${issue.message} (got ${shown(name, value)})`;
  });
  throw new SegueError('configuration', 'The configuration has problems', {
    problems,
    hint: 'Set the variables named above in the environment; docs/OPERATING.md lists them all.',
  });
}

/**
 * Configuration of the playlist service from variables; portable, so that the Worker entry parses its bindings the same way.
 * @throws SegueError `configuration` with every problem.
 */
export function parsePlaylistsConfig(env: Environment): PlaylistsConfig {
  const v = parseEnvironment(playlistsSchema, env);
  return {
    host: v.HOST,
    port: v.PORT,
    databaseUrl: v.DATABASE_URL,
    bucketPublicUrl: v.S3_PUBLIC_URL,
    secret: v.SEGUE_SECRET,
    adminToken: v.SEGUE_ADMIN_TOKEN,
    leaseSeconds: v.SEGUE_LEASE_SECONDS,
    holdSeconds: v.SEGUE_HOLD_SECONDS,
    holdSilentSeconds: v.SEGUE_HOLD_SILENT_SECONDS,
    maxHolds: v.SEGUE_MAX_HOLDS,
    sharePort: v.SEGUE_SHARE_PORT,
    steering: v.SEGUE_STEERING,
    profile: v.SEGUE_PROFILE,
    onDemand: v.SEGUE_ON_DEMAND,
    demo: v.SEGUE_DEMO,
    admission: admissionSettings(v),
    tracesUrl: tracesUrlOf(v),
    logLevel: v.SEGUE_LOG_LEVEL,
  };
}

const secretKeys = new Set([
  'databaseUrl',
  'accessKeyId',
  'secretAccessKey',
  'secret',
  'adminToken',
  'key',
  'cdnSecret',
]);

/** A configuration as it may be printed: every secret is `***`. */
export function redacted(config: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]: [string, unknown]) => {
      if (secretKeys.has(key) && value !== undefined) return [key, '***'];
      const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [key, nested ? redacted(value) : value];
    }),
  );
}
