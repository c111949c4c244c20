import type { Catalog } from '../catalog/connect.ts';
import { startMarking } from '../copy/deployment-mark.ts';
import type { LostCopies } from '../copy/lost.ts';
import type { SweepOptions } from '../copy/sweep.ts';
import { sweepNow } from '../copy/sweep-turn.ts';
import type { Log } from '../ops/log.ts';
import type { SweepSettings } from '../ops/sweep-settings.ts';
import type { Bucket } from '../store/bucket.ts';
import type { DiskStore } from '../store/disk.ts';
import { checkFiles } from './check-files.ts';
import { startDailySweep } from './daily-sweep.ts';
import type { NodeMetrics } from './node-metrics.ts';
import { reconcileDisk } from './reconcile.ts';
import { type Reconciling, reconciling } from './reconciling.ts';

/** What a node reconciles, and how. */
export interface ReconciliationOptions {
  readonly catalog: Catalog;
  readonly bucket: Bucket;
  readonly disk: DiskStore;
  readonly lost: LostCopies;
  readonly nodeId: string;
  readonly log: Log;
  readonly leaseSeconds: number;
  readonly settings: SweepSettings;
  /** Whether this node writes the render now. */
  readonly isHeld: (renderId: string) => boolean;
  /** Has a segment made again whose bytes are gone from this disk. */
  readonly remake: (renderId: string, rendition: string, n: number) => Promise<void>;
  /** Begins to copy what this disk has and the bucket has not. */
  readonly copyAll: () => void;
  readonly measures: Pick<NodeMetrics, 'found' | 'swept'>;
}

/** Reconciliation while a node runs: when it is asked for, and of the bucket by itself, once in so many hours. Leaves its mark there. */
export function startReconciliation(options: ReconciliationOptions): Reconciling & AsyncDisposable {
  const { catalog, bucket, disk, nodeId, log, settings, measures } = options;
  const sweep: SweepOptions = {
    catalog,
    bucket,
    lost: options.lost,
    nodeId,
    log,
    liveSeconds: options.leaseSeconds,
    orphanGraceSeconds: settings.orphanGraceSeconds,
    uploadGraceSeconds: settings.uploadGraceSeconds,
  };
  const runs = reconciling({
    log,
    onFinding: measures.found,
    async disk(verify, tally, signal) {
      const { remake, isHeld } = options;
      const files = { catalog, disk, nodeId, liveSeconds: options.leaseSeconds, remake, tally };
      await checkFiles(files, verify, signal);
      await reconcileDisk({ catalog, disk, nodeId, log, isHeld, tally });
      options.copyAll();
    },
    async bucket(tally, signal) {
      const report = await sweepNow(sweep, tally, signal);
      measures.swept();
      return report;
    },
  });
  const marking = startMarking({ catalog, bucket, log });
  const { hours } = settings;
  const { found, swept } = measures;
  const daily = hours === 0 ? undefined : startDailySweep({ sweep, hours, onFinding: found, onSwept: swept });
  const stop = async (): Promise<void> => {
    await Promise.all([runs.stop(), daily?.stop(), marking.stop()]);
  };
  return { ...runs, stop, [Symbol.asyncDispose]: stop };
}
