import type { Catalog } from '../catalog/connect.ts';
import { type ExposedRow, exposedAt } from '../catalog/exposure.ts';
import { type Ranges, unionOf } from '../catalog/ranges.ts';
import { gridOf, segmentCount, segmentStart } from '../grid/grid.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';

/** What a node's exposure is computed from. */
export interface ExposureOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  readonly log: Log;
  readonly onExposure: (seconds: number) => void;
}

/** Renders looked at by one query. */
const page = 500;
/** The shortest wait between two looks, and the longest, in milliseconds. */
const waitMs = { shortest: 5_000, longest: 120_000 };
/** A look may take this part of the time. */
const share = 1 / 10;

/**
 * Adds up what would be lost with this node: seconds of media whose only copy it has. As often as that is cheap: a node that holds a
 * hundred thousand renders looks less often than one that holds ten.
 */
export function exposureStep(options: ExposureOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { catalog, nodeId, leaseSeconds: liveSeconds } = options;
  return async (signal) => {
    const begun = performance.now();
    let seconds = 0;
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { rows, next } = await exposedAt(catalog.db, nodeId, { after, limit: page, liveSeconds });
      signal.throwIfAborted();
      for (const render of Map.groupBy(rows, ({ renderId }) => renderId).values()) seconds += exposed(render);
      after = next;
    }
    options.onExposure(seconds);
    const wait = (performance.now() - begun) / share;
    return Math.min(waitMs.longest, Math.max(waitMs.shortest, wait));
  };
}

/** Starts the loop. */
export function startExposure(options: ExposureOptions): Loop {
  return startLoop(exposureStep(options), {
    name: 'exposure',
    intervalMs: waitMs.shortest,
    log: options.log,
  });
}

/** A segment of a render is exposed when sound or picture of it would be lost. A foreign stream's renditions have grids of their own. */
function exposed(rows: readonly ExposedRow[]): number {
  const [first] = rows;
  if (first === undefined) return 0;
  if (first.foreignSeconds !== undefined) {
    return Math.max(...rows.map(({ foreignSeconds = 0 }) => foreignSeconds));
  }
  const grid = gridOf(first.frameRate, first.frameCount);
  const count = segmentCount(grid);
  const ranges: Ranges = unionOf(...rows.map(({ segments }) => segments));
  const start = (n: number): number => segmentStart(grid, 'video', Math.min(n, count));
  return ranges.reduce((sum, [from, to]) => sum + start(to) - start(from), 0);
}
