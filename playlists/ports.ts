import type { Hono } from 'hono';
import type { CopyRow } from '../src/catalog/copies.ts';
import type { RenderHead } from '../src/catalog/heads.ts';
import type { Location } from '../src/catalog/locate.ts';
import type { NodeRow } from '../src/catalog/nodes.ts';
import type { SegmentSizes } from '../src/catalog/sizes.ts';
import type { NewRender, NewVideo, RenderRow } from '../src/catalog/videos.ts';
import type { OnDemandPolicy } from '../src/rendition/on-demand.ts';
import type { ChangeHub } from './changes.ts';
import type { DemandRecorder } from './demand.ts';
import type { FactCache } from './fact-cache.ts';
import type { PolicyCatalog } from './policy-catalog.ts';
import type { StreamCatalog } from './stream-catalog.ts';

/** What the service needs from the catalog. Every call may throw while the database is away. */
export interface CatalogPort {
  /** The newest render of a video, without its description. */
  currentHead(videoId: string): Promise<RenderHead | undefined>;
  renderOfGeneration(videoId: string, generation: number): Promise<RenderRow | undefined>;
  renderById(renderId: string): Promise<RenderRow | undefined>;
  initOf(renderId: string, rendition: string): Promise<Uint8Array | undefined>;
  copiesOf(renderId: string): Promise<CopyRow[]>;
  sizesOf(renderId: string): Promise<ReadonlyMap<string, SegmentSizes>>;
  locate(renderId: string, rendition: string, n: number): Promise<Location>;
  leaseOf(renderId: string): Promise<{ nodeId: string; epoch: number } | undefined>;
  /** Whether the render is still to be made or finished: neither failed nor superseded. */
  isActive(renderId: string): Promise<boolean>;
  insertVideo(video: NewVideo, render: NewRender): Promise<'new' | 'known'>;
  nodes(): Promise<NodeRow[]>;
  /** Says that a node is gone: its leases end at once. */
  suspectNode(nodeId: string, url: string): Promise<void>;
  /** What operators decide, and what it is decided by. */
  readonly policies: PolicyCatalog;
  /** What others render. */
  readonly streams: StreamCatalog;
  /** Resolves if the database answers. */
  ping(): Promise<void>;
}

/** A node as it is addressed. */
export interface NodeAddress {
  readonly id: string;
  /** Without a trailing slash. */
  readonly url: string;
}

/** A request, as it is logged: one wide event each. */
export interface RequestEvent {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** Pattern of the route, for metrics: from a closed set. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds until the answer's headers. */
  readonly durationMs: number;
  /** Where segment bytes came from: `bucket`, a node id, `catalog`, `held`. */
  readonly source: string | undefined;
  /** The client went away before it was answered: nobody has seen the status. */
  readonly clientLeft: boolean;
  readonly error: unknown;
}

/** Text for `GET /metrics`. Node only. */
interface MetricsPort {
  text(): Promise<string>;
  readonly contentType: string;
}

/** Bounds and keys of the service. Times in milliseconds. */
export interface ServiceSettings {
  /** Base URL below which every object is publicly readable, without a trailing slash. */
  readonly bucketPublicUrl: string;
  readonly secret: string;
  readonly adminToken: string;
  /** Longest hold of a request for something that does not exist yet. */
  readonly holdMs: number;
  /** Part of the hold without a byte sent. */
  readonly holdSilentMs: number;
  readonly maxHolds: number;
  /** Whether sessions are offered Content Steering that do not say. */
  readonly steering: boolean;
  /** Name of the profile of videos that ask for none. */
  readonly profile: string;
  /** What of a new video is made only once somebody asks for it. */
  readonly onDemand: OnDemandPolicy;
  /** Look again this often while nothing is announced: the safety net on Node, the only way on Workers. */
  readonly pollMs: number;
  /** Most bytes of segments in memory at once. */
  readonly maxBytesInFlight: number;
}

/** Everything that differs between runtimes and tests. */
export interface Ports {
  readonly catalog: CatalogPort;
  readonly changes: ChangeHub;
  /** Facts that keep known streams going while the catalog is away. */
  readonly facts: FactCache;
  readonly settings: ServiceSettings;
  /** Notes who watches what. Absent: nobody does. */
  readonly demand?: Pick<DemandRecorder, 'began' | 'watched'>;
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly crc32: (bytes: Uint8Array) => number;
  readonly metrics?: MetricsPort;
  /** Further routes: pages, the demo. Their errors are answered like all others. */
  readonly routes?: readonly Hono[];
  readonly onRequest?: (event: RequestEvent) => void;
  /** Something that went wrong without making a request fail. */
  readonly onTrouble?: (what: string, error: unknown) => void;
  /** Cuts the connection of a request that cannot be answered whole; true if done. Without it the body stream is made to fail. */
  readonly cut?: (environment: unknown) => boolean;
  /**
   * `process`: requests share work, bodies are handed out as they are taken, playlists are compressed here.
   * `isolate`: Workers forbid sharing work between requests, count the bytes of bodies that are given whole, and compress
   * by themselves.
   */
  readonly runtime: 'process' | 'isolate';
}
