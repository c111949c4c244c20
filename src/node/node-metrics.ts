import type { Finding } from '../catalog/findings.ts';
import type { CopyOutcome, CopyTask } from '../copy/uploader.ts';
import type { WrittenSegment } from '../ingest/write.ts';
import { SegueError } from '../ops/errors.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Eviction } from '../policy/evict.ts';
import { troubleOf } from '../store/bucket-trouble.ts';
import type { Adopted } from './adopt.ts';
import type { MadeSegment } from './make-segment.ts';

const isAway = (error: unknown): boolean =>
  error instanceof SegueError && error.code === 'catalog_unavailable';

/** What a node measures of itself. */
export interface NodeMetrics {
  readonly made: (segment: MadeSegment) => void;
  readonly notMade: () => void;
  readonly taken: (segment: WrittenSegment) => void;
  readonly skipped: (count: number) => void;
  readonly takenOver: () => void;
  readonly lost: () => void;
  readonly replica: (bytes: number, how: 'pulled' | 'rendered') => void;
  readonly adopted: (adopted: Adopted) => void;
  readonly evicted: (why: Eviction['why'], segments: number, bytes: number) => void;
  readonly found: (finding: Finding) => void;
  readonly swept: () => void;
  readonly notCopied: (error: unknown) => void;
  readonly copied: (task: CopyTask, outcome: CopyOutcome, bytes: number, seconds: number) => void;
}

/** Registers a node's metrics. `now` reads the figures that go up and down. */
export function nodeMetrics(
  metrics: Metrics,
  now: () => {
    encoders: number;
    unrecorded: number;
    diskUsed: number;
    diskBytes: number;
    copyQueue: number;
    renders: number;
    streams: number;
  },
): NodeMetrics {
  const segments = metrics.counter('segments_made_total', 'Segments rendered and recorded');
  const failed = metrics.counter('segment_failures_total', 'Segments that could not be made at one try');
  const encodeSeconds = metrics.histogram('segment_seconds', 'Time to make one segment, all renditions');
  const copies = metrics.counter('copies_total', 'Segments copied to the bucket', ['outcome']);
  const copyFailures = metrics.counter('copy_failures_total', 'Tries to copy a segment that failed', [
    'reason',
  ]);
  const copiedBytes = metrics.counter('copied_bytes_total', 'Bytes copied to the bucket');
  const copySeconds = metrics.histogram('copy_seconds', 'Time to copy one segment, its row included');
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
  const lost = metrics.counter('lost_copies_total', 'Copies that the bucket was found to have lost');
  const replicas = metrics.counter('replicas_total', 'Segments taken as replicas of another node', ['how']);
  const replicaBytes = metrics.counter('replica_bytes_total', 'Bytes of segments taken as replicas');
  const evicted = metrics.counter('evicted_segments_total', 'Segments that have left the disk', ['why']);
  const evictedBytes = metrics.counter('evicted_bytes_total', 'Bytes of segments that have left the disk');
  const findings = metrics.counter('sweep_findings_total', 'What reconciliation found', ['kind']);
  const sweptAt = metrics.gauge(
    'sweep_last_timestamp_seconds',
    'When this node last saw the whole bucket compared with the rows; 0: not since it started',
  );
  const takeovers = metrics.counter('takeovers_total', 'Renders taken over from a node that was gone');
  const adoptedSegments = metrics.counter(
    'adopted_segments_total',
    'Segments taken over on disks of dead nodes, each read and found right',
  );
  const adoptedDamaged = metrics.counter('adopted_damaged_total', 'Files on adopted disks that were damaged');
  metrics.gauge('ingest_streams', 'Foreign streams taken in now', [], (gauge) => gauge.set(now().streams));
  metrics.gauge('encoders', 'ffmpeg processes now', [], (gauge) => gauge.set(now().encoders));
  metrics.gauge('unrecorded_segments', 'Segments made that wait for their rows', [], (gauge) =>
    gauge.set(now().unrecorded),
  );
  metrics.gauge('disk_bytes', 'Bytes of segments on disk', [], (gauge) => gauge.set(now().diskBytes));
  metrics.gauge('disk_used_ratio', 'Part of the disk with the segments that is used', [], (gauge) =>
    gauge.set(now().diskUsed),
  );
  metrics.gauge('copy_queue', 'Segments waiting to be copied', [], (gauge) => gauge.set(now().copyQueue));
  metrics.gauge('leases', 'Renders held', [], (gauge) => gauge.set(now().renders));
  return {
    made(segment) {
      segments.inc();
      encodeSeconds.observe(segment.seconds);
    },
    notMade: () => failed.inc(),
    notCopied: (error) => copyFailures.inc({ reason: isAway(error) ? 'database' : troubleOf(error) }),
    taken({ bytes, isOverlong }) {
      taken.inc();
      if (isOverlong) overlong.inc();
      takenBytes.inc(bytes);
    },
    skipped: (count) => skipped.inc(count),
    takenOver: () => takeovers.inc(),
    lost: () => lost.inc(),
    replica(bytes, how) {
      replicas.inc({ how });
      replicaBytes.inc(bytes);
    },
    adopted({ segments: right, damaged }) {
      adoptedSegments.inc(right);
      adoptedDamaged.inc(damaged);
    },
    evicted(why, segments, bytes) {
      evicted.inc({ why }, segments);
      evictedBytes.inc(bytes);
    },
    found: ({ kind }) => findings.inc({ kind }),
    swept: () => sweptAt.setToCurrentTime(),
    copied(_, outcome, bytes, seconds) {
      copies.inc({ outcome });
      copiedBytes.inc(bytes);
      copySeconds.observe(seconds);
    },
  };
}
