import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Playlists, startPlaylists } from '../../../playlists/node.ts';
import type { AdmissionSettings } from '../../../src/ops/admission-settings.ts';
import type { PlaylistsConfig } from '../../../src/ops/config.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';

/** Secret of every test deployment. */
export const secret = 'a secret of thirty-two characters';
/** Admin token of every test deployment. */
export const adminToken = 'an admin token for tests';

/** Of services and nodes: so long that a process which has to wait for a busy machine is not taken for dead. */
export const leaseSeconds = 3;

/** What clients may do in a test deployment: what they may do in any. */
export const admission: AdmissionSettings = {
  videoCpuSeconds: 36_000,
  segmentCpuSeconds: 150,
  clientCpuSeconds: 144_000,
  totalCpuSeconds: 1_440_000,
  queueSeconds: 1,
  keysRequired: false,
  changesPerMinute: 600,
  signedSeconds: undefined,
  cdnSecret: undefined,
  trustedProxies: 0,
};

/** A description of `seconds` at 25 frames a second. */
export const description = (seconds: number, seed = 0): object => ({
  segue: 1,
  kind: 'timeline',
  size: { width: 320, height: 180 },
  fps: 25,
  duration: seconds,
  seed,
  tracks: [],
});

/** A configuration of the playlist service: a free port, and as patient as a busy machine takes. */
export function serviceConfig(databaseUrl: string, bucketPublicUrl: string): PlaylistsConfig {
  return {
    host: '127.0.0.1',
    port: 0,
    databaseUrl,
    bucketPublicUrl,
    secret,
    adminToken,
    leaseSeconds,
    holdSeconds: 60,
    holdSilentSeconds: 10,
    maxHolds: 100,
    sharePort: false,
    steering: false,
    profile: 'default',
    onDemand: 'stills',
    demo: false,
    admission,
    logLevel: 'silent',
  };
}

/** A service that sends padding soon: for what is held on purpose. Elsewhere an answer may take its time. */
export const padsSoon = { holdSilentSeconds: 0.5 };

/** Starts the playlist service with this configuration, or one that is changed a little. */
export function startService(
  databaseUrl: string,
  bucketPublicUrl: string,
  changed: Partial<PlaylistsConfig> = {},
): Promise<Playlists> {
  const config = { ...serviceConfig(databaseUrl, bucketPublicUrl), ...changed };
  return startPlaylists(config, {
    log: createLog('test', 'silent'),
    metrics: createMetrics({ process: false }),
    pages: { get: () => undefined, examples: [] },
  });
}

/** A public read route of a bucket, over what the test puts in. */
export interface TestBucket extends AsyncDisposable {
  readonly url: string;
  readonly objects: Map<string, Uint8Array>;
  /** Names that HEAD does not find either. Others it finds, whatever is in `objects`. */
  readonly lost: Set<string>;
}

/** Serves objects by name, as a CDN would. */
export async function startTestBucket(): Promise<TestBucket> {
  const objects = new Map<string, Uint8Array>();
  const lost = new Set<string>();
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1);
    const object = request.method === 'HEAD' && !lost.has(name) ? new Uint8Array(1) : objects.get(name);
    if (object === undefined) {
      response.writeHead(404).end();
      return;
    }
    response
      .writeHead(200, { 'content-length': object.length, 'access-control-allow-origin': '*' })
      .end(object);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    lost,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Posts a description. */
export async function post(
  url: string,
  body: unknown,
): Promise<{ id: string; url: string; state: string; duration: number }> {
  const response = await fetch(`${url}/v1/videos`, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  return response.json() as Promise<{ id: string; url: string; state: string; duration: number }>;
}
