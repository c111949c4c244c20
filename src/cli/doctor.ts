import { type StackConfig, stackConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { createLog } from '../ops/log.ts';
import { attach } from '../stack/attach.ts';
import { checkAccess } from './doctor/access.ts';
import { checkBucket } from './doctor/bucket.ts';
import { type Finding, failure, failureOf } from './doctor/check.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkDisk, checkFfmpeg, checkLimits, checkNode, checkPort } from './doctor/machine.ts';
import type { ExitCode, Output } from './output.ts';

/** What `segue doctor --json` prints. Fields may be added. */
export interface DoctorReport {
  readonly version: 1;
  /** The worst state found. */
  readonly result: Finding['state'];
  readonly checks: readonly Finding[];
}

/** The configured, running or briefly started database and bucket. */
async function checkBacking(config: StackConfig): Promise<Finding[]> {
  const log = createLog('doctor', 'error');
  try {
    await using backing = await attach(config, log);
    const run =
      backing.runBy === undefined
        ? 'embedded, started for this check'
        : `embedded, run by process ${backing.runBy}`;
    const database = await checkDatabase(
      backing.databaseUrl,
      config.databaseUrl === undefined ? run : 'yours',
    );
    const access = await checkAccess(config, backing.databaseUrl);
    return [database, access, ...(await checkBucket(backing.bucket))];
  } catch (error) {
    return [failureOf('embedded parts', error, 'Set DATABASE_URL and the S3_ variables to use your own.')];
  }
}

async function examine(): Promise<Finding[]> {
  let config: StackConfig;
  try {
    config = stackConfig();
  } catch (error) {
    if (!(error instanceof SegueError)) throw error;
    const { problems, hint = '' } = error;
    return [checkNode(), ...problems.map((problem) => failure('settings', problem, hint))];
  }
  const disk = await checkDisk(config.dataFolder);
  const port = await checkPort(config);
  const machine = [checkNode(), await checkFfmpeg(config.ffmpegPath), await checkLimits(), disk, port];
  return disk.state === 'error' ? machine : [...machine, ...(await checkBacking(config))];
}

const marks = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' } as const;

/** `segue doctor`: looks at everything that Segue needs, with a real probe of each. Exit code 1 when something does not work. */
export async function doctor(options: { json?: boolean }, output: Output): Promise<ExitCode> {
  const checks = await examine();
  const states = new Set(checks.map(({ state }) => state));
  const result = states.has('error') ? 'error' : states.has('warning') ? 'warning' : 'ok';
  const report: DoctorReport = { version: 1, result, checks };
  if (options.json === true) {
    output.out(JSON.stringify(report));
  } else {
    for (const { name, state, message, hint } of checks) {
      output.out(`${marks[state]} ${name.padEnd(17)} ${message}`);
      if (hint !== undefined && state !== 'ok') output.out(`${' '.repeat(26)}${hint}`);
    }
  }
  return result === 'error' ? 1 : 0;
}
