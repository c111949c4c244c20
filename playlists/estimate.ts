import { type Calibration, expectedSeconds } from '../src/cost/calibration.ts';
import { partOf } from '../src/cost/weights.ts';
import { type Encoded, type Job, leastWork, type Work, wholeWork, workBySegment } from '../src/cost/work.ts';
import { frameBoundary } from '../src/grid/grid.ts';
import { SegueError } from '../src/ops/errors.ts';
import type { Ports } from './ports.ts';

/** What descriptions cost on the nodes that there are, in CPU seconds. */
export interface Estimator {
  /**
   * Refuses what is too much whatever it shows: before its files are fetched.
   * @throws SegueError `over_budget`
   */
  checkLeast(job: Encoded): Promise<void>;
  /** @throws SegueError `over_budget` with the estimate, the limit and the way out */
  estimate(job: Job): Promise<number>;
}

/** How long what nodes have learnt counts as news, in milliseconds. */
const freshMs = 10_000;

/** Contributions to an estimate that are told, the largest ones. */
const toldParts = 4;

/** Makes an estimator that asks the catalog now and then what nodes have learnt. */
export function estimator(ports: Ports): Estimator {
  const { admission } = ports.settings;
  const limit = Math.min(admission.videoCpuSeconds, admission.clientCpuSeconds, admission.totalCpuSeconds);
  let known: { readonly at: number; readonly calibrations: readonly Calibration[] } | undefined;

  const calibrations = async (): Promise<readonly Calibration[]> => {
    if (known !== undefined && ports.now() - known.at < freshMs) return known.calibrations;
    try {
      known = { at: ports.now(), calibrations: await ports.catalog.calibrations() };
    } catch (error) {
      ports.onTrouble?.('catalog query', error);
    }
    return known?.calibrations ?? [];
  };

  const check = (seconds: number, work: Work, job: Encoded, machines: readonly Calibration[]): number => {
    if (seconds <= limit) return seconds;
    throw overBudget(seconds, limit, job, partsOf(work, machines));
  };
  return {
    async checkLeast(job) {
      const machines = await calibrations();
      const work = leastWork(job);
      check(expectedSeconds(work, machines), work, job, machines);
    },
    async estimate(job) {
      const machines = await calibrations();
      const segments = workBySegment(job);
      for (const { n, work } of segments) {
        const seconds = expectedSeconds(work, machines);
        if (seconds > admission.segmentCpuSeconds)
          throw heavySegment(n, seconds, admission.segmentCpuSeconds, job, partsOf(work, machines));
      }
      const work = wholeWork(job, segments);
      return check(expectedSeconds(work, machines), work, job, machines);
    },
  };
}

/** A segment that takes longer than a node gives it is tried again and again, and never made. */
function heavySegment(
  n: number,
  seconds: number,
  limit: number,
  { grid }: Encoded,
  parts: readonly string[],
): SegueError {
  const from = (frameBoundary(grid, n) * grid.frameRate.den) / grid.frameRate.num;
  return new SegueError(
    'over_budget',
    `Making the segment at ${Math.floor(from)} s would take about ${whole(seconds)} CPU seconds, and a segment may take ${whole(limit)}`,
    {
      problems: parts,
      hint: "Let fewer layers overlap there, or make it smaller, with fewer frames a second, or with a cheaper profile. The operator's limit is SEGUE_BUDGET_SEGMENT.",
    },
  );
}

const whole = (seconds: number): string => Math.ceil(seconds).toLocaleString('en');

/** What of the work takes longest, as `what: how long`. */
function partsOf(work: Work, machines: readonly Calibration[]): string[] {
  const parts = new Map<string, number>();
  for (const [kind, units] of work) {
    const seconds = expectedSeconds(new Map([[kind, units]]), machines);
    parts.set(partOf(kind), (parts.get(partOf(kind)) ?? 0) + seconds);
  }
  return [...parts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, toldParts)
    .map(([part, seconds]) => `${part}: about ${whole(seconds)} CPU seconds`);
}

function overBudget(
  seconds: number,
  limit: number,
  { description, grid }: Encoded,
  parts: readonly string[],
): SegueError {
  const { width, height } = description.size;
  const length = (grid.frameCount * grid.frameRate.den) / grid.frameRate.num;
  const shorter = Math.floor((length * limit) / seconds);
  return new SegueError(
    'over_budget',
    `Making this video would take about ${whole(seconds)} CPU seconds, and a video may take ${whole(limit)}`,
    {
      problems: parts,
      hint: `Make it shorter (about ${shorter} s fit), smaller than ${width}x${height}, with fewer frames a second, with fewer layers at once, or with a cheaper profile. The operator's limits are SEGUE_BUDGET_VIDEO, SEGUE_BUDGET_CLIENT and SEGUE_BUDGET_TOTAL.`,
    },
  );
}
