import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { SegueError } from '../ops/errors.ts';
import { traceOfLog } from '../simulate/access-log.ts';
import { linesIn } from '../simulate/lines.ts';
import type { Trace } from '../simulate/trace.ts';
import { traceOf } from '../simulate/trace-file.ts';
import { makeTrace, workloads } from '../simulate/workloads/workload.ts';

/** Options of `segue simulate` that say which demand is replayed, as the command line gives them. */
export interface DemandOptions {
  readonly trace?: string;
  readonly log?: string;
  readonly workload?: string;
  readonly videos: string;
  readonly days?: string;
  readonly seed: string;
  readonly nodes: string;
  readonly diskBytes?: string;
  readonly segmentSeconds: string;
  readonly cpuPerSecond: string;
}

/** The demand that the options name. @throws SegueError with the option or the line that is wrong */
export async function tracesOf(options: DemandOptions): Promise<Trace[]> {
  const { trace, log, workload } = options;
  const sources = Object.entries({ trace, log, workload }).filter(([, source]) => source !== undefined);
  if (sources.length > 1) {
    throw new SegueError(
      'configuration',
      `Demand comes from one place, got ${sources.map(([name]) => `--${name}`).join(' and ')}`,
      {
        hint: 'Give one of --trace, --log and --workload.',
      },
    );
  }
  const diskBytes =
    options.diskBytes === undefined
      ? undefined
      : numberOf('--disk-bytes', options.diskBytes, 1_000_000, 1e18);
  const traces = await chosenBy(options, diskBytes);
  return diskBytes === undefined ? traces : traces.map((one) => ({ ...one, diskBytes }));
}

async function chosenBy(options: DemandOptions, diskBytes = 100e9): Promise<Trace[]> {
  const { trace, log, workload } = options;
  if (trace !== undefined) return [await read('--trace', trace, traceOf)];
  const nodes = numberOf('--nodes', options.nodes, 1, 1000, true);
  if (log !== undefined) {
    const assumed = {
      segmentSeconds: numberOf('--segment-seconds', options.segmentSeconds, 0.1, 60),
      cpuPerSecond: numberOf('--cpu-per-second', options.cpuPerSecond, 0, 1000),
      nodes,
      diskBytes,
    };
    return [await read('--log', log, (lines, name) => traceOfLog(lines, name, assumed))];
  }
  const chosen = workloads.filter(({ name }) => workload === undefined || name === workload);
  if (chosen.length === 0) {
    throw new SegueError('configuration', `--workload ${workload ?? ''} is not known`, {
      hint: `Known workloads: ${workloads.map(({ name }) => name).join(', ')}.`,
    });
  }
  const size = {
    videos: numberOf('--videos', options.videos, 1, 1_000_000, true),
    days: options.days === undefined ? undefined : numberOf('--days', options.days, 0.01, 366),
    seed: numberOf('--seed', options.seed, 0, Number.MAX_SAFE_INTEGER, true),
    nodes,
  };
  return chosen.map((one) => makeTrace(one, size));
}

/** Reads a file, or with `-` standard input, by its lines. */
async function read(
  option: string,
  file: string,
  by: (lines: AsyncIterable<string>, name: string) => Promise<Trace>,
): Promise<Trace> {
  const name = file === '-' ? 'standard input' : basename(file);
  const input = file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8');
  try {
    return await by(linesIn(input, name), name);
  } catch (error) {
    if (error instanceof SegueError) throw error;
    throw new SegueError('configuration', `${option} ${file} cannot be read`, { cause: error });
  }
}

function numberOf(option: string, text: string, least: number, most: number, isWhole = false): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most && (!isWhole || Number.isInteger(value)))
    return value;
  const kind = isWhole ? 'a whole number' : 'a number';
  throw new SegueError('configuration', `${option}: expected ${kind} from ${least} to ${most}, got ${text}`);
}
