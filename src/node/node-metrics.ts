import { type Finding, findingKinds } from '../catalog/findings.ts';
import type { CopyOutcome, CopyTask } from '../copy/task.ts';
import type { CopyStates } from '../copy/uploader.ts';
import type { WrittenSegment } from '../ingest/write.ts';
import { SegueError } from '../ops/errors.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Eviction } from '../policy/evict.ts';
import { hintOf, troubleOf } from '../store/bucket-trouble.ts';
import type { Adopted } from './adopt.ts';
import { childrenCpuSeconds } from './children-cpu.ts';
import type { MadeSegment } from './make-segment.ts';

/** What a node measures of itself. */
export interface NodeMetrics {
  readonly made: (segment: MadeSegment) => void;
  readonly notMade: (error: unknown) => void;
  readonly taken: (segment: WrittenSegment) => void;
  readonly skipped: (count: number) => void;
  readonly takenOver: () => void;
  readonly lost: () => void;
  readonly damaged: () => void;
  readonly replica: (bytes: number, how: 'pulled' | 'rendered') => void;
  readonly adopted: (adopted: Adopted) => void;
  readonly found: (finding: Finding) => void;
  readonly swept: () => void;
  /** A try to copy a segment that is followed by another. */
  readonly notCopied: (error: unknown) => void;
  /** The same of storing the playlists of a complete render. */
  readonly notSealed: (error: unknown) => void;
  readonly copied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
  /** CPU seconds that copying is taken to have cost. */
  readonly copyCpu: (seconds: number) => void;
  /** A render that no node can make. */
  readonly renderFailed: () => void;
  /** Segments have left the disk, and why. */
  readonly evicted: (why: Eviction['why'], segments: number, bytes: number) => void;
  readonly exposure: (seconds: number) => void;
}

/** Figures that go up and down, read when they are asked for. */
export interface NodeFigures {
  readonly encoders: number;
  /** Segments that are made and wait for their rows. */
  readonly unrecorded: number;
  readonly diskBytes: number;
  /** Part of the disk's file system, 0 to 1. */
  readonly diskUsed: number;
  readonly copyQueue: number;
  readonly copies: CopyStates;
  readonly renders: number;
  readonly streams: number;
  /** Seconds since the database last heard of this node. */
  readonly heartbeatAge: number;
  /** CPU seconds that this machine takes for what is expected to take one. */
  readonly costRatio: number;
}

/** Facts of the process that do not change. */
export interface NodeFacts {
  readonly slots: number;
  readonly ffmpeg: string;
}

const outcomes: readonly CopyOutcome[] = ['stored', 'was-there', 'gone', 'refused', 'withdrawn'];
const evictionReasons: readonly Eviction['why'][] = ['elsewhere', 'cheapest', 'worthless'];
/** Why copying fails: what is wrong with the bucket, or the database. */
const copyReasons = [...Object.keys(hintOf), 'database'];
/** Why rendering fails: error codes, and everything else. */
const renderReasons = ['asset_refused', 'catalog_unavailable', 'fenced', 'render_failed', 'storage_full'];

const copyReason = (error: unknown): string =>
  error instanceof SegueError && error.code === 'catalog_unavailable' ? 'database' : troubleOf(error);
const renderReason = (error: unknown): string =>
  error instanceof SegueError && renderReasons.includes(error.code) ? error.code : 'other';

/** Registers a node's metrics. */
export function nodeMetrics(metrics: Metrics, facts: NodeFacts, now: () => NodeFigures): NodeMetrics {
  figures(metrics, facts, now);
  const exposure = metrics.gauge('exposure_seconds', 'Media whose only copy this node has');
  return {
    ...rendering(metrics),
    ...ingest(metrics),
    ...copying(metrics),
    ...keeping(metrics),
    exposure: (seconds) => exposure.set(seconds),
  };
}

function figures(metrics: Metrics, { slots, ffmpeg }: NodeFacts, now: () => NodeFigures): void {
  const gauge = (name: string, help: string, value: (figures: NodeFigures) => number) =>
    metrics.gauge(name, help, [], (each) => each.set(value(now())));
  gauge('ingest_streams', 'Foreign streams taken in now', ({ streams }) => streams);
  gauge('encoders', 'ffmpeg processes now', ({ encoders }) => encoders);
  gauge('unrecorded_segments', 'Segments made that wait for their rows', ({ unrecorded }) => unrecorded);
  metrics.gauge('encoders_limit', 'ffmpeg processes at once at most').set(slots);
  gauge('disk_bytes', 'Bytes of segments on disk', ({ diskBytes }) => diskBytes);
  gauge(
    'disk_used_ratio',
    'Bytes of segments, by them and the free space above the reserve',
    (each) => each.diskUsed,
  );
  gauge('copy_queue', 'Segments waiting to be copied, and renders to be sealed', (each) => each.copyQueue);
  gauge(
    'cost_ratio',
    'CPU time that this machine takes for what costs assume to take 1',
    (each) => each.costRatio,
  );
  gauge('leases', 'Renders held', ({ renders }) => renders);
  gauge(
    'heartbeat_age_seconds',
    'Time since the database last heard of this node',
    (each) => each.heartbeatAge,
  );
  metrics.gauge(
    'copy_tasks',
    'Segments queued for the bucket: waiting, held by a CPU ceiling, being copied, or resting after a failure',
    ['state'],
    (tasks) => {
      const { waiting, held, running, resting } = now().copies;
      tasks.set({ state: 'waiting' }, waiting);
      tasks.set({ state: 'held' }, held);
      tasks.set({ state: 'running' }, running);
      tasks.set({ state: 'resting' }, resting);
    },
  );
  metrics.gauge('ffmpeg_info', 'The ffmpeg of this node; always 1', ['version']).set({ version: ffmpeg }, 1);
  let seen = 0;
  const children = metrics.counter(
    'children_cpu_seconds_total',
    'CPU time of ffmpeg and of hosts of modules, counted when they end',
    [],
    (counter) => {
      const total = childrenCpuSeconds();
      counter.inc(Math.max(0, total - seen));
      seen = Math.max(seen, total);
    },
  );
  children.inc(0);
}

function rendering(metrics: Metrics) {
  const segments = metrics.counter('segments_made_total', 'Segments rendered and recorded');
  const seconds = metrics.histogram('segment_seconds', 'Time to make one segment, all renditions');
  const failures = metrics.counter('segment_failures_total', 'Segments that could not be made at one try', [
    'reason',
  ]);
  for (const reason of [...renderReasons, 'other']) failures.inc({ reason }, 0);
  const takeovers = metrics.counter('takeovers_total', 'Renders taken over from a node that was gone');
  const failed = metrics.counter('renders_failed_total', 'Renders given up: no node could make a segment');
  return {
    made(segment: MadeSegment) {
      segments.inc();
      seconds.observe(segment.seconds);
    },
    notMade: (error: unknown) => failures.inc({ reason: renderReason(error) }),
    takenOver: () => takeovers.inc(),
    renderFailed: () => failed.inc(),
  };
}

function ingest(metrics: Metrics) {
  const taken = metrics.counter('ingest_segments_total', 'Segments of foreign streams admitted');
  const takenBytes = metrics.counter('ingest_bytes_total', 'Bytes of foreign segments admitted');
  const skipped = metrics.counter(
    'ingest_skipped_total',
    'Foreign segments passed over: their bytes never came',
  );
  const overlong = metrics.counter(
    'ingest_overlong_total',
    'Foreign segments longer than the target duration of their stream',
  );
  return {
    taken({ bytes, isOverlong }: WrittenSegment) {
      taken.inc();
      if (isOverlong) overlong.inc();
      takenBytes.inc(bytes);
    },
    skipped: (count: number) => skipped.inc(count),
  };
}

function copying(metrics: Metrics) {
  const copies = metrics.counter('copies_total', 'Segments that copying is done with, by outcome', [
    'outcome',
  ]);
  for (const outcome of outcomes) copies.inc({ outcome }, 0);
  const bytes = metrics.counter('copied_bytes_total', 'Bytes copied to the bucket');
  const seconds = metrics.histogram('copy_seconds', 'Time to copy one segment, its row included');
  const cpu = metrics.counter(
    'copy_cpu_seconds_total',
    'CPU time of this process that copying cost, estimated: part of process_cpu_seconds_total',
  );
  const failures = metrics.counter('copy_failures_total', 'Tries to copy a segment that failed', ['reason']);
  const sealFailures = metrics.counter(
    'seal_failures_total',
    'Tries to store the playlists of a complete render that failed',
    ['reason'],
  );
  for (const reason of copyReasons) {
    failures.inc({ reason }, 0);
    sealFailures.inc({ reason }, 0);
  }
  const lost = metrics.counter('lost_copies_total', 'Copies that the bucket was found to have lost');
  return {
    copied(_: CopyTask, outcome: CopyOutcome, size: number, took: number) {
      copies.inc({ outcome });
      bytes.inc(size);
      seconds.observe(took);
    },
    notCopied: (error: unknown) => failures.inc({ reason: copyReason(error) }),
    notSealed: (error: unknown) => sealFailures.inc({ reason: copyReason(error) }),
    copyCpu: (used: number) => cpu.inc(used),
    lost: () => lost.inc(),
  };
}

function keeping(metrics: Metrics) {
  const replicas = metrics.counter('replicas_total', 'Segments taken as replicas of another node', ['how']);
  for (const how of ['pulled', 'rendered']) replicas.inc({ how }, 0);
  const replicaBytes = metrics.counter('replica_bytes_total', 'Bytes of segments taken as replicas');
  const adopted = metrics.counter(
    'adopted_segments_total',
    'Segments taken over on disks of dead nodes, each read and found right',
  );
  const adoptedDamaged = metrics.counter('adopted_damaged_total', 'Files on adopted disks that were damaged');
  const damaged = metrics.counter(
    'damaged_segments_total',
    'Segments found damaged on this disk, and removed',
  );
  const findings = metrics.counter('sweep_findings_total', 'What reconciliation found', ['kind']);
  for (const kind of findingKinds) findings.inc({ kind }, 0);
  const sweptAt = metrics.gauge(
    'sweep_last_timestamp_seconds',
    'When this node last saw the whole bucket compared with the rows; 0: not since it started',
  );
  const evictions = metrics.counter(
    'evictions_total',
    'Segments removed from this disk because there is no need, or no room, for them here',
    ['why'],
  );
  for (const why of evictionReasons) evictions.inc({ why }, 0);
  const evictedBytes = metrics.counter('evicted_bytes_total', 'Bytes of those segments');
  return {
    replica(bytes: number, how: 'pulled' | 'rendered') {
      replicas.inc({ how });
      replicaBytes.inc(bytes);
    },
    adopted({ segments, damaged: wrong }: Adopted) {
      adopted.inc(segments);
      adoptedDamaged.inc(wrong);
    },
    damaged: () => damaged.inc(),
    found: ({ kind }: Finding) => findings.inc({ kind }),
    swept: () => sweptAt.setToCurrentTime(),
    evicted(why: Eviction['why'], segments: number, bytes: number) {
      evictions.inc({ why }, segments);
      evictedBytes.inc(bytes);
    },
  };
}
