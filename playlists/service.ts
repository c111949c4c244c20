import type { Context } from 'hono';
import { type UrlSigner, urlSigner } from '../src/node/sign.ts';
import type { ObservedVariables } from '../src/ops/observed.ts';
import type { Actor } from './actor.ts';
import { type BucketReads, bucketReads } from './bucket-reads.ts';
import { type ByteBudget, byteBudget } from './byte-budget.ts';
import { type CdnSigner, cdnSigner } from './cdn.ts';
import { type Estimator, estimator } from './estimate.ts';
import { type NodeClient, nodeClient } from './node-client.ts';
import type { Ports } from './ports.ts';
import { type SegmentSource, segmentSource } from './segment-source.ts';
import { whileLive } from './while-live.ts';

/** Values that the middleware leaves for routes and for the log. */
export interface RequestVariables extends ObservedVariables {
  /** Who asks; undefined where nobody known does. */
  actor: Actor | undefined;
  /** Whether the key that was shown still opens what it did: for answers that go on. Undefined: there is none that could be revoked. */
  stillValid: (() => Promise<boolean>) | undefined;
  /** Whether a credential was shown that opens nothing. */
  stranger: boolean | undefined;
  /** What a change was made to, for the audit log: where the path does not say it. */
  subject: string | undefined;
  /** Signs what a playlist lists of the bucket, where the CDN asks for it. */
  signLines: ((playlist: string) => Promise<string>) | undefined;
}

/** Hono's view of one request of this service. */
export type RequestContext = Context<{ Variables: RequestVariables }>;

/** What the routes share. */
export interface Service {
  readonly ports: Ports;
  readonly nodes: NodeClient;
  readonly signer: UrlSigner;
  /** Undefined where the bucket's public URLs need no signature. */
  readonly cdn: CdnSigner | undefined;
  readonly source: SegmentSource;
  readonly budget: ByteBudget;
  readonly reads: BucketReads;
  readonly holds: Holds;
  /** Descriptions that wait for their turn. */
  readonly queue: Holds;
  readonly estimator: Estimator;
}

/** Counts the requests that are held. */
interface Holds {
  /** Takes a place; undefined where all are taken. The function gives it back, once. */
  take(): (() => void) | undefined;
  readonly count: number;
}

/** At most `max` holds at once. */
function holdCounter(max: number): Holds {
  let count = 0;
  return {
    get count() {
      return count;
    },
    take() {
      if (count >= max) return undefined;
      count += 1;
      let held = true;
      return () => {
        if (held) count -= 1;
        held = false;
      };
    },
  };
}

/** Descriptions that wait for their turn at once; one more is answered 429. */
const maxQueued = 100;

/** Joins the parts over the given ports. */
export function service(ports: Ports): Service {
  const { settings } = ports;
  const budget = byteBudget(settings.maxBytesInFlight);
  const signer = urlSigner(settings.secret);
  const cdn = cdnSigner(settings);
  const nodes = nodeClient({
    fetch: ports.fetch,
    signer,
    secret: settings.secret,
    crc32: ports.crc32,
    budget,
    now: ports.now,
    whileLive: (node, call) => whileLive(ports, node, call),
  });
  const reads = bucketReads(ports);
  const holds = holdCounter(settings.maxHolds);
  ports.onLoad?.(() => ({
    holds: holds.count,
    maxHolds: settings.maxHolds,
    bytesInFlight: budget.used,
    maxBytesInFlight: settings.maxBytesInFlight,
  }));
  return {
    ports,
    nodes,
    signer,
    cdn,
    budget,
    reads,
    source: segmentSource({ ports, nodes, budget, reads, cdn }),
    holds,
    queue: holdCounter(maxQueued),
    estimator: estimator(ports),
  };
}
