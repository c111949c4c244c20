import type { Hono } from 'hono';
import type { CopyRow } from '../src/catalog/copies.ts';
import type { RenderHead } from '../src/catalog/heads.ts';
import type { Location } from '../src/catalog/locate.ts';
import type { NodeRow } from '../src/catalog/nodes.ts';
import type { SegmentSizes } from '../src/catalog/sizes.ts';
import type { NewRender, NewVideo, RenderRow } from '../src/catalog/videos.ts';
import type { Calibration } from '../src/cost/calibration.ts';
import type { AdmissionSettings } from '../src/ops/admission-settings.ts';
import type { RequestEvent } from '../src/ops/request-event.ts';
import type { Tracing } from '../src/ops/trace.ts';
import type { Policy } from '../src/policy/policy.ts';
import type { OnDemandPolicy } from '../src/rendition/on-demand.ts';
import type { AccessCatalog } from './access-catalog.ts';
import type { BudgetCatalog } from './budget-catalog.ts';
import type { ChangeHub } from './changes.ts';
import type { FactCache } from './fact-cache.ts';
import type { OverviewCatalog } from './overview/overview-catalog.ts';
import type { Playheads } from './overview/playheads.ts';
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
  /** What live nodes have learnt of their speed. */
  calibrations(): Promise<Calibration[]>;
  /** What clients owe. */
  readonly budgets: BudgetCatalog;
  /** Keys, the audit log, and how often clients ask. */
  readonly access: AccessCatalog;
  policy(): Promise<Policy>;
  setPolicy(policy: Policy): Promise<void>;
  /** What others render. */
  readonly streams: StreamCatalog;
  /** What operators are shown. */
  readonly overview: OverviewCatalog;
  /** Resolves if the database answers. */
  ping(): Promise<void>;
}

/** A node as it is addressed. */
export interface NodeAddress {
  readonly id: string;
  /** Without a trailing slash. */
  readonly url: string;
}

/** A request that had to wait. */
export interface HoldEvent {
  /** From the moment in which it counted as held. */
  readonly seconds: number;
  /** `left`: the client went away first. `failed`: nobody made it in time, or it cannot be made. */
  readonly outcome: 'answered' | 'failed' | 'left';
}

/** What the service keeps at this moment, each with its bound. */
export interface ServiceLoad {
  readonly holds: number;
  readonly maxHolds: number;
  readonly bytesInFlight: number;
  readonly maxBytesInFlight: number;
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
  /** What clients may ask for. */
  readonly admission: AdmissionSettings;
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
  /** Where viewers are, as far as this process has served them. */
  readonly playheads: Playheads;
  readonly settings: ServiceSettings;
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly crc32: (bytes: Uint8Array) => number;
  /** Address of the client of a connection, from the runtime's own environment of the request; undefined where it says none. */
  readonly addressOf?: (request: Request, environment: unknown) => string | undefined;
  /** The service can be reached from this machine only, and not through a proxy. */
  readonly localOnly?: boolean;
  readonly metrics?: MetricsPort;
  /** Further routes: pages, the demo. Their errors are answered like all others. */
  readonly routes?: readonly Hono[];
  readonly onRequest?: (event: RequestEvent) => void;
  readonly onHold?: (event: HoldEvent) => void;
  /** A new video is in the catalog, and nobody was asked to make it yet; `since` is when it was posted, by `now`. */
  readonly onAccepted?: (renderId: string, since: number) => void;
  /** Called once, with what tells the load whenever it is asked. */
  readonly onLoad?: (load: () => ServiceLoad) => void;
  readonly tracing?: Tracing | undefined;
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
