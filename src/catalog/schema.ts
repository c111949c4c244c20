import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { Calibration } from '../cost/calibration.ts';
import { containers, renditionKinds } from '../rendition/kind.ts';
import { roles } from './api-key.ts';
import type { RenditionAttributes, SegmentKey, SegmentSource } from './foreign.ts';
import { formatRanges, parseRanges, type Ranges } from './ranges.ts';

const segmentRanges = customType<{ data: Ranges; driverData: string }>({
  dataType: () => 'int4multirange',
  fromDriver: parseRanges,
  toDriver: formatRanges,
});

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });

const instant = (name: string) => timestamp(name, { withTimezone: true });

/**
 * What was asked for: the pinned, canonical description (RFC 8785 text) under its keyed hash. Never changed, never deleted.
 * `frame_count` is 0 where it is not known beforehand: a stream that somebody else makes.
 */
export const videos = pgTable('videos', {
  id: text('id').primaryKey(),
  description: text('description').notNull(),
  frameCount: integer('frame_count').notNull(),
  rateNum: integer('rate_num').notNull(),
  rateDen: integer('rate_den').notNull(),
  /** What its creators call it: rules of the policy match them. */
  labels: text('labels').array().notNull().default(sql`'{}'`),
  createdAt: instant('created_at').notNull().defaultNow(),
});

/** A video made by one renderer version with one profile. A new generation is made where the encoder no longer fits the init segment. */
export const renders = pgTable(
  'renders',
  {
    id: text('id').primaryKey(),
    videoId: text('video_id')
      .notNull()
      .references(() => videos.id),
    generation: integer('generation').notNull(),
    rendererVersion: text('renderer_version').notNull(),
    profile: text('profile').notNull(),
    state: text('state', { enum: ['active', 'superseded', 'failed'] })
      .notNull()
      .default('active'),
    failure: text('failure'),
    /** When the finished playlists were stored beside the segments: the bucket alone plays. */
    sealedAt: instant('sealed_at'),
    /** Segments that were made, and the CPU seconds that this took; of that, what had been made before. */
    made: integer('made').notNull().default(0),
    cpuSeconds: doublePrecision('cpu_seconds').notNull().default(0),
    againCpuSeconds: doublePrecision('again_cpu_seconds').notNull().default(0),
    /** CPU seconds that making all of it was estimated to take, when it was accepted. */
    costSeconds: doublePrecision('cost_seconds'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('renders_generation').on(table.videoId, table.generation),
    index('renders_created').on(table.createdAt.desc(), table.id.desc()),
  ],
);

/**
 * One track of a render. `init` is the init segment, set once by whoever renders first. `sizes` has the bytes of segment n at
 * index n + 1, NULL where it was never made: what bit rates are measured from.
 */
export const renditions = pgTable(
  'renditions',
  {
    renderId: text('render_id')
      .notNull()
      .references(() => renders.id),
    name: text('name').notNull(),
    position: integer('position').notNull(),
    kind: text('kind', { enum: renditionKinds }).notNull(),
    container: text('container', { enum: containers }).notNull().default('fmp4'),
    /** Made only once somebody asks for it; a render counts as complete without it. */
    onDemand: boolean('on_demand').notNull().default(false),
    init: bytes('init'),
    sizes: integer('sizes').array().notNull().default(sql`'{}'`),
    /** Only of a foreign stream: what its source says of the rendition, or its first segment. */
    attributes: jsonb('attributes').$type<RenditionAttributes>(),
    /** Only of a foreign stream: its source has ended this rendition's playlist. */
    ended: boolean('ended').notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.renderId, table.name] })],
);

/** Which verified segments a place holds. `place` is `bucketPlace` or a node id. */
export const copies = pgTable(
  'copies',
  {
    renderId: text('render_id')
      .notNull()
      .references(() => renders.id),
    rendition: text('rendition').notNull(),
    place: text('place').notNull(),
    segments: segmentRanges('segments').notNull().default(sql`'{}'`),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.renderId, table.rendition, table.place] }),
    index('copies_place').on(table.place),
  ],
);

/** The right of one node to write one render. `epoch` only grows, and fences every earlier holder. */
export const leases = pgTable(
  'leases',
  {
    renderId: text('render_id')
      .primaryKey()
      .references(() => renders.id),
    nodeId: text('node_id').notNull(),
    epoch: bigint('epoch', { mode: 'number' }).notNull(),
    expiresAt: instant('expires_at').notNull(),
    /** Segment that a viewer was last served, as the holder said with its last renewal. */
    playhead: integer('playhead').notNull().default(0),
    /** When somebody was last watching, or waiting: should the holder be gone, another node is to go on without being asked. */
    watchedAt: instant('watched_at'),
    /** By node: the segment that it could not make, when (seconds since 1970), and how often. */
    failedOn: jsonb('failed_on').notNull().default({}),
  },
  (table) => [
    index('leases_node').on(table.nodeId),
    index('leases_watched').on(table.watchedAt).where(sql`${table.watchedAt} IS NOT NULL`),
  ],
);

/** Streams that a foreign renderer makes. `key_hash` is the SHA-256 of the stream key, in hexadecimal; the key itself is nowhere. */
export const streams = pgTable('streams', {
  videoId: text('video_id')
    .primaryKey()
    .references(() => videos.id),
  renderId: text('render_id')
    .notNull()
    .unique()
    .references(() => renders.id),
  name: text('name').notNull(),
  keyHash: text('key_hash').notNull().unique(),
  /** Seconds of the sliding list; NULL: everything stays listed. */
  windowSeconds: doublePrecision('window_seconds'),
  /** Seconds, of every media playlist of the stream. Fixed when the stream goes live, or earlier by whoever made it. */
  targetDuration: integer('target_duration'),
  state: text('state', { enum: ['waiting', 'live', 'ended', 'failed'] })
    .notNull()
    .default('waiting'),
  failure: text('failure'),
  createdAt: instant('created_at').notNull().defaultNow(),
  endedAt: instant('ended_at'),
});

/** Segments of a foreign stream, one row each: nobody can compute their durations. A row is never changed. */
export const foreignSegments = pgTable(
  'foreign_segments',
  {
    renderId: text('render_id')
      .notNull()
      .references(() => renders.id),
    rendition: text('rendition').notNull(),
    n: integer('n').notNull(),
    durationUs: bigint('duration_us', { mode: 'number' }).notNull(),
    discontinuity: boolean('discontinuity').notNull(),
    init: integer('init'),
    key: jsonb('key').$type<SegmentKey>(),
    programDateTime: text('program_date_time'),
    source: jsonb('source').$type<SegmentSource>().notNull(),
    bytes: integer('bytes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.renderId, table.rendition, table.n] })],
);

/** Init segments and AES keys of a foreign stream. Small, and served from here. A row is never changed. */
export const foreignFiles = pgTable(
  'foreign_files',
  {
    renderId: text('render_id')
      .notNull()
      .references(() => renders.id),
    rendition: text('rendition').notNull(),
    name: text('name').notNull(),
    contentType: text('content_type').notNull(),
    bytes: bytes('bytes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.renderId, table.rendition, table.name] })],
);

/** What a node reports of itself with each heartbeat. */
export interface NodeLoad {
  /** Renders it holds a lease of. */
  renders: number;
  /** ffmpeg processes now running. */
  encoders: number;
  /** Segments waiting to be copied. */
  copyQueue: number;
  /** Bytes of segments on its disk. */
  diskBytes: number;
  /** Resident memory in bytes. */
  residentBytes: number;
  /** ffmpeg processes at once at most. */
  slots?: number;
  /** The operator's preference in placement. */
  weight?: number;
  /** Segments among them that only wait for quieter CPUs, by their rule. */
  copyHeld?: number;
  /** Part that segments fill of what they could fill of its disk: they, and free space above the reserve. 0 to 1. */
  diskUsed?: number;
  /** 1: its disk, or what it may have of it, is nearly used up, and it makes only what somebody waits for, or nothing. */
  tight?: number;
  /** Part of the segments that it last tried to make and could not, 0 to 1. */
  failures?: number;
  /** Part of its machine's processor time that was used since its last heartbeat, 0 to 1. */
  cpu?: number;
  /** Bytes copied to the bucket a second, over the last ten. */
  copyRate?: number;
}

/** Processes that render, hold and serve. Live while `heartbeat_at` is younger than the lease time. */
export const nodes = pgTable('nodes', {
  id: text('id').primaryKey(),
  url: text('url').notNull(),
  host: text('host').notNull(),
  pid: integer('pid').notNull(),
  state: text('state', { enum: ['ready', 'draining', 'dead'] }).notNull(),
  load: jsonb('load').$type<NodeLoad>().notNull(),
  /** What the node has learnt of its speed. */
  calibration: jsonb('calibration').$type<Calibration>(),
  startedAt: instant('started_at').notNull().defaultNow(),
  heartbeatAt: instant('heartbeat_at').notNull().defaultNow(),
});

/** How bad an event is. */
export const eventLevels = ['info', 'warning', 'error'] as const;

/** What operators have decided: the highest version holds. A row is never changed. */
export const policyVersions = pgTable('policy_versions', {
  version: integer('version').primaryKey(),
  policy: jsonb('policy').$type<unknown>().notNull(),
  /** Whose word it was: of the token, where it has a name. */
  author: text('author').notNull(),
  note: text('note'),
  createdAt: instant('created_at').notNull().defaultNow(),
});

/** Who has watched a video, in sums. `reach`: how often each part was watched; `again`: further views by age of the video. */
export const demand = pgTable('demand', {
  videoId: text('video_id')
    .primaryKey()
    .references(() => videos.id),
  views: bigint('views', { mode: 'number' }).notNull(),
  viewers: bigint('viewers', { mode: 'number' }).notNull(),
  minutesWatched: doublePrecision('minutes_watched').notNull(),
  reach: doublePrecision('reach').array().notNull(),
  again: bigint('again', { mode: 'number' }).array().notNull(),
  firstAt: instant('first_at').notNull(),
  lastAt: instant('last_at').notNull(),
  changedAt: instant('changed_at').notNull().defaultNow(),
});

/** What was watched lately, view by view: what a trace is made of. Old ones are removed. */
export const views = pgTable('views', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  videoId: text('video_id')
    .notNull()
    .references(() => videos.id),
  at: instant('at').notNull(),
  fromSeconds: doublePrecision('from_seconds').notNull(),
  toSeconds: doublePrecision('to_seconds').notNull(),
  /** Tells viewers apart, and no more. */
  viewer: text('viewer').notNull(),
});

/**
 * Folders of segments, by the identity that each has in a file, and which node has them. A claim is a lease: renewed while the node
 * runs, and another node may only take a disk whose claim has ended.
 */
export const disks = pgTable('disks', {
  id: text('id').primaryKey(),
  /** NULL: no node has it, and no rows of copies speak of it. */
  nodeId: text('node_id'),
  /** When the node came to have it. */
  claimedAt: instant('claimed_at').notNull().defaultNow(),
  expiresAt: instant('expires_at').notNull(),
  /** Nodes that had it, and have not corrected their own rows since: rows of theirs may still speak of it. */
  formerNodes: text('former_nodes').array().notNull().default(sql`'{}'`),
  /** When the node had gone through it: everything on it verified, where it is adopted, and the rows right. */
  settledAt: instant('settled_at'),
});

/**
 * Figures of the deployment, a row each quarter of a minute. Answers are of the time since the row before, each playlist service
 * adds its own; the others are of that moment, and NULL where whoever was to look had no time to.
 */
export const history = pgTable('history', {
  at: instant('at').primaryKey(),
  /** Segments that players were sent to the bucket for, got from a node, and were held for. */
  bucketAnswers: integer('bucket_answers').notNull().default(0),
  nodeAnswers: integer('node_answers').notNull().default(0),
  heldAnswers: integer('held_answers').notNull().default(0),
  exposureSeconds: doublePrecision('exposure_seconds'),
  exposedVideos: integer('exposed_videos'),
  watchedVideos: integer('watched_videos'),
  renderingVideos: integer('rendering_videos'),
  nodesReady: integer('nodes_ready'),
  nodesDraining: integer('nodes_draining'),
  nodesDead: integer('nodes_dead'),
  /** Parts, 0 to 1, of live nodes: on average, and of the most used one. */
  cpuMean: doublePrecision('cpu_mean'),
  cpuMost: doublePrecision('cpu_most'),
  diskMost: doublePrecision('disk_most'),
  encoders: integer('encoders'),
  copyQueue: integer('copy_queue'),
  /** Bytes a second. */
  copyRate: doublePrecision('copy_rate'),
});

/** What happened, for operators. Triggers write it with what it is about, so that nothing happens unnoted. */
export const events = pgTable('events', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: instant('at').notNull().defaultNow(),
  level: text('level', { enum: eventLevels }).notNull(),
  /** What it is about: `node-ready`, `node-draining`, `node-dead`, `takeover`, `stored`, `superseded`, `failed`, `lost`, `policy`. */
  kind: text('kind').notNull(),
  nodeId: text('node_id'),
  videoId: text('video_id'),
  /** One sentence. */
  text: text('text').notNull(),
});

/** Objects below `renders/` in the bucket that nothing is known of: only reported at first, removed once they have been so for long. */
export const orphans = pgTable('orphans', {
  key: text('key').primaryKey(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  firstSeen: instant('first_seen').notNull(),
  /** A sweep forgets those that it did not meet: they are gone, or known again. */
  lastSeen: instant('last_seen').notNull(),
});

/** Who compares the bucket with the rows now, and what came of it last: one row, `what` being `bucketPlace`. */
export const sweeps = pgTable('sweeps', {
  what: text('what').primaryKey(),
  nodeId: text('node_id').notNull(),
  /** Grows with each sweep: one whose time ran out does not extend that of the next. */
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  expiresAt: instant('expires_at').notNull(),
  finishedAt: instant('finished_at'),
  report: jsonb('report').$type<unknown>(),
});

/** Which deployment this is: one row, made with the table, so that a copy of the database has it as well. */
export const deployments = pgTable('deployment', { id: text('id').primaryKey() });

/**
 * What clients have asked for lately, in CPU seconds: `owed` at the time `at`, paid back at the rate of the client's budget. A row
 * that nobody has touched for long owes nothing.
 */
export const budgets = pgTable(
  'budgets',
  {
    id: text('id').primaryKey(),
    owed: doublePrecision('owed').notNull(),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [index('budgets_at').on(table.at)],
);

/** Keys of clients and operators. `key_hash` is the SHA-256 of the key, in hexadecimal; the key itself is nowhere. */
export const apiKeys = pgTable('api_keys', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  role: text('role', { enum: roles }).notNull(),
  keyHash: text('key_hash').notNull().unique(),
  createdAt: instant('created_at').notNull().defaultNow(),
  createdBy: text('created_by').notNull(),
  lastUsedAt: instant('last_used_at'),
  revokedAt: instant('revoked_at'),
});

/** Who did what, when. Only the newest entries of each kind are kept. */
export const audit = pgTable(
  'audit',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull().defaultNow(),
    kind: text('kind', { enum: ['operator', 'client'] }).notNull(),
    actor: text('actor').notNull(),
    address: text('address').notNull(),
    action: text('action').notNull(),
    subject: text('subject'),
    status: integer('status').notNull(),
    requestId: text('request_id').notNull(),
  },
  (table) => [index('audit_kind').on(table.kind, table.id)],
);
