import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { SegueError } from '../ops/errors.ts';
import { pricePresets, pricesOf } from '../policy/document/prices.ts';
import { defaultPolicy, type Policy } from '../policy/policy.ts';
import { readPolicyText } from '../policy/read.ts';
import { baselines } from '../simulate/baselines.ts';
import { type Comparison, comparing, type NamedPolicies } from '../simulate/compare.ts';
import { pageOf } from '../simulate/report/page.ts';
import { pictureOf } from '../simulate/report/picture.ts';
import { tableLines } from '../simulate/report/table.ts';
import { finish } from '../simulate/steps.ts';
import { linesOf } from '../simulate/trace-file.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { startProgress } from './progress.ts';
import { type DemandOptions, tracesOf } from './simulate-demand.ts';

/** Options of `segue simulate`, as the command line gives them. */
export interface SimulateOptions extends DemandOptions {
  /** Print JSON. */
  readonly json?: boolean;
  readonly policy?: readonly string[];
  readonly prices?: string;
  readonly html?: string;
  /** A folder for pictures. */
  readonly svg?: string;
  /** Write the trace instead of simulating it. */
  readonly writeTrace?: string;
}

/** `segue simulate`: replays demand against policies, and says what each would cost and risk. */
export async function runSimulate(options: SimulateOptions, output: Output): Promise<ExitCode> {
  try {
    const policies = await policiesOf(options);
    const traces = await tracesOf(options);
    if (options.writeTrace !== undefined) {
      const [trace] = traces;
      if (trace === undefined || traces.length > 1)
        throw new SegueError('configuration', '--write-trace writes one trace: choose one --workload');
      await write('--write-trace', options.writeTrace, `${[...linesOf(trace)].join('\n')}\n`);
      return 0;
    }
    const prices = pricesOf(policies[0]?.policy.prices ?? defaultPolicy.prices);
    const comparisons: Comparison[] = [];
    for (const trace of traces) {
      const bar = startProgress(`${trace.name} {bar} {percentage} %`, true);
      const comparison = finish(comparing(trace, policies, prices), (done) => bar.update(done, 1, {}));
      bar.end();
      comparisons.push(comparison);
      if (options.json === true) output.out(JSON.stringify({ version: 1, ...comparison }));
      else for (const line of [...tableLines(comparison), '']) output.out(line);
    }
    await plot(options, comparisons);
    return 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

async function plot({ html, svg }: SimulateOptions, comparisons: readonly Comparison[]): Promise<void> {
  if (html !== undefined) await write('--html', html, pageOf(comparisons));
  if (svg === undefined) return;
  for (const comparison of comparisons) {
    const name = comparison.trace.replace(/[^\w.-]+/g, '-');
    await write('--svg', join(svg, `${name}.svg`), `${pictureOf(comparison)}\n`, svg);
  }
}

async function policiesOf({ policy: files = [], prices }: SimulateOptions): Promise<NamedPolicies> {
  const preset = Object.keys(pricePresets).find((name) => name === prices) as
    | keyof typeof pricePresets
    | undefined;
  if (prices !== undefined && preset === undefined) {
    throw new SegueError('configuration', `--prices ${prices} is not known`, {
      hint: `Known prices: ${Object.keys(pricePresets).join(', ')}; others go into the policies.`,
    });
  }
  const changed = preset === undefined ? {} : { prices: { preset } };
  if (files.length === 0) return baselines({ ...defaultPolicy, ...changed });
  return Promise.all(
    files.map(async (file) => ({
      name: basename(file, extname(file)),
      policy: { ...(await policyIn(file)), ...changed },
    })),
  );
}

/** @throws SegueError with the file and every problem in it */
async function policyIn(file: string): Promise<Policy> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new SegueError('configuration', `--policy ${file} cannot be read`, { cause: error });
  }
  try {
    return readPolicyText(text);
  } catch (error) {
    if (!(error instanceof SegueError)) throw error;
    const { code, message, hint } = error;
    const problems = error.problems.filter((problem) => problem !== message);
    throw new SegueError(code, `--policy ${file}: ${message}`, {
      problems,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

async function write(option: string, file: string, text: string, folder?: string): Promise<void> {
  try {
    if (folder !== undefined) await mkdir(folder, { recursive: true });
    await writeFile(file, text);
  } catch (error) {
    throw new SegueError('configuration', `${option} ${file} cannot be written`, { cause: error });
  }
}
