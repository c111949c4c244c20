import { calibrationOf, noteCalibration } from '../catalog/calibrations.ts';
import type { Catalog } from '../catalog/connect.ts';
import { type Calibration, learnt, uncalibrated } from '../cost/calibration.ts';
import { segmentWork } from '../cost/work.ts';
import type { Log } from '../ops/log.ts';
import type { SegmentSpent } from '../render/renderer.ts';
import { isStill } from '../render/rendition.ts';

/** What a node learns of its own speed. */
export interface Calibrating {
  /** How much longer this machine takes than the one that costs were measured on. */
  readonly speed: number;
  /** Takes what a segment took. */
  observe(spent: SegmentSpent): void;
  /** Writes what was learnt and not written yet. */
  stop(): Promise<void>;
}

/** Between two writes, in milliseconds: estimates need no news. */
const writeEveryMs = 10_000;

/** Begins with what the node knew when it last ran, and keeps it in the catalog. */
export async function startCalibrating({
  catalog: { db },
  nodeId,
  log,
}: {
  readonly catalog: Pick<Catalog, 'db'>;
  readonly nodeId: string;
  readonly log: Log;
}): Promise<Calibrating> {
  let calibration: Calibration = (await calibrationOf(db, nodeId)) ?? uncalibrated;
  let written = calibration;
  let nextAt = 0;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    if (calibration === written) return;
    const writes = calibration;
    try {
      await noteCalibration(db, nodeId, writes);
      written = writes;
    } catch (error) {
      // The next segment brings the next try.
      log.warn({ err: error }, 'what segments took is not recorded');
    }
  };
  return {
    get speed() {
      return calibration.speed;
    },
    observe({ task, files, seconds }) {
      // A few stills say nothing of what plays.
      if (task.renditions.every(isStill)) return;
      calibration = learnt(calibration, segmentWork({ ...task, files }, task.n), seconds);
      if (performance.now() < nextAt || writing !== undefined) return;
      nextAt = performance.now() + writeEveryMs;
      writing = write().finally(() => {
        writing = undefined;
      });
    },
    async stop() {
      await writing;
      await write();
    },
  };
}
