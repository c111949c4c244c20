import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { createInterface } from 'node:readline';
import { SegueError } from '../ops/errors.ts';
import { pricePresets, pricesOf } from '../policy/document/prices.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { readPolicyText } from '../policy/read.ts';
import { traceOfLog } from '../simulate/access-log.ts';
import { baselines } from '../simulate/baselines.ts';
import { compare, type NamedPolicies } from '../simulate/compare.ts';
import { pageOf } from '../simulate/report/page.ts';
import { tableLines } from '../simulate/report/table.ts';
import type { Trace } from '../simulate/trace.ts';
import { linesOf, readTrace } from '../simulate/trace-file.ts';
import { makeTrace, workloads } from '../simulate/workloads/workload.ts';
import { type ExitCode, type Output, reportError } from './output.ts';

/** Options of `segue simulate`, as the command line gives them. */
export interface SimulateOptions {
  /** Print JSON. */
  readonly json?: boolean;
  readonly trace?: string;
  readonly log?: string;
  readonly workload?: string;
  readonly policy?: readonly string[];
  readonly prices?: string;
  readonly html?: string;
  /** Write the trace instead of simulating it. */
  readonly writeTrace?: string;
  readonly videos: string;
  readonly days?: string;
  readonly seed: string;
  readonly nodes: string;
  readonly diskBytes?: string;
  readonly segmentSeconds: string;
  readonly cpuPerSecond: string;
}

/** `segue simulate`: replays demand against policies, and says what each would cost and risk. */
export async function runSimulate(options: SimulateOptions, output: Output): Promise<ExitCode> {
  try {
    const traces = await tracesOf(options);
    if (options.writeTrace !== undefined) {
      const [trace] = traces;
      if (trace === undefined || traces.length > 1)
        throw new SegueError('configuration', '--write-trace writes one trace: choose one --workload');
      await writeFile(options.writeTrace, `${[...linesOf(trace)].join('\n')}\n`);
      return 0;
    }
    const policies = await policiesOf(options);
    const prices = pricesOf(policies[0]?.policy.prices ?? defaultPolicy.prices);
    const comparisons = traces.map((trace) => {
      const comparison = compare(trace, policies, prices);
      if (options.json === true) output.out(JSON.stringify({ version: 1, ...comparison }));
      else for (const line of [...tableLines(comparison), '']) output.out(line);
      return comparison;
    });
    if (options.html !== undefined) await writeFile(options.html, pageOf(comparisons));
    return 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

async function tracesOf(options: SimulateOptions): Promise<Trace[]> {
  const { trace, log, workload } = options;
  if ([trace, log, workload].filter((source) => source !== undefined).length > 1)
    throw new SegueError('configuration', 'Give one of --trace, --log and --workload');
  const nodes = numberOf('--nodes', options.nodes, 1, 1000);
  const diskBytes = options.diskBytes === undefined ? undefined : numberOf('--disk-bytes', options.diskBytes, 1e6);
  if (trace !== undefined) {
    const read = await readTrace(trace);
    return [diskBytes === undefined ? read : { ...read, diskBytes }];
  }
  if (log !== undefined) {
    const lines = createInterface({ input: log === '-' ? process.stdin : createReadStream(log, 'utf8') });
    const assumed = {
      segmentSeconds: numberOf('--segment-seconds', options.segmentSeconds, 0.1, 60),
      cpuPerSecond: numberOf('--cpu-per-second', options.cpuPerSecond, 0, 1000),
      nodes,
      diskBytes: diskBytes ?? 100e9,
    };
    return [await traceOfLog(lines, log === '-' ? 'standard input' : basename(log), assumed)];
  }
  const chosen = workloads.filter(({ name }) => workload === undefined || name === workload);
  if (chosen.length === 0) {
    throw new SegueError('configuration', `There is no workload ${JSON.stringify(workload)}`, {
      hint: `Known workloads: ${workloads.map(({ name }) => name).join(', ')}.`,
    });
  }
  const size = {
    videos: numberOf('--videos', options.videos, 1, 1_000_000),
    days: options.days === undefined ? undefined : numberOf('--days', options.days, 0.01, 366),
    seed: numberOf('--seed', options.seed, 0),
    nodes,
  };
  return chosen.map((one) => {
    const made = makeTrace(one, size);
    return diskBytes === undefined ? made : { ...made, diskBytes };
  });
}

async function policiesOf({ policy: files = [], prices }: SimulateOptions): Promise<NamedPolicies> {
  const preset = Object.keys(pricePresets).find((name) => name === prices) as keyof typeof pricePresets | undefined;
  if (prices !== undefined && preset === undefined) {
    throw new SegueError('configuration', `There are no prices ${JSON.stringify(prices)}`, {
      hint: `Known prices: ${Object.keys(pricePresets).join(', ')}; others go into the policies.`,
    });
  }
  const changed = preset === undefined ? {} : { prices: { preset } };
  if (files.length === 0) return baselines({ ...defaultPolicy, ...changed });
  return Promise.all(
    files.map(async (file) => ({
      name: basename(file, extname(file)),
      policy: { ...readPolicyText(await textOf(file)), ...changed },
    })),
  );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SegueError('configuration', `--policy ${file} cannot be read`, { cause: error });
  }
}

function numberOf(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new SegueError('configuration', `${option} ${text} is no number from ${least} to ${most}`);
}
