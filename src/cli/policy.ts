import { SegueError } from '../ops/errors.ts';
import { leavesOf, setLeaf } from '../policy/leaves.ts';
import { type Policy, policySchema } from '../policy/policy.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, serviceAccess } from './service-access.ts';
import { secondsOf } from './time.ts';

/** Options of `segue policy`, as the command line gives them. */
export interface PolicyOptions {
  /** Print JSON. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
  /** Seconds, with a unit, in which every node counts as in trouble. */
  readonly expectTrouble?: string;
}

/** `segue policy [NAME=VALUE...]`: shows the policy of a deployment, or changes some of it. */
export async function policy(
  changes: readonly string[],
  options: PolicyOptions,
  output: Output,
): Promise<ExitCode> {
  try {
    const access = await serviceAccess(options);
    const current = await askAsAdmin(access, '/v1/policy', policySchema);
    const wanted = changed(current, changes, options);
    const now =
      wanted === undefined
        ? current
        : await askAsAdmin(access, '/v1/policy', policySchema, {
            method: 'PUT',
            body: JSON.stringify(wanted),
          });
    if (options.json === true) output.out(JSON.stringify(now));
    else for (const line of linesOf(now)) output.out(line);
    if (options.expectTrouble !== undefined && now.replicas.mode === 'none')
      output.err('replicas.mode is none: nothing is held twice, in trouble or not');
    return 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

/** The policy with the changes, unchecked: the service checks it. @throws SegueError `configuration` */
function changed(current: Policy, changes: readonly string[], { expectTrouble }: PolicyOptions): unknown {
  if (changes.length === 0 && expectTrouble === undefined) return undefined;
  const wanted = structuredClone(current);
  for (const change of changes) {
    const [, path = '', text = ''] = /^([^=]+)=(.*)$/.exec(change) ?? [];
    if (!setLeaf(wanted, path, valueOf(text))) {
      throw new SegueError('configuration', `${change} changes nothing that there is`, {
        hint: `Give NAME=VALUE with one of ${leavesOf(current)
          .map(([name]) => name)
          .join(', ')}.`,
      });
    }
  }
  if (expectTrouble !== undefined) {
    const until = new Date(Date.now() + secondsOf('--expect-trouble', expectTrouble) * 1000);
    wanted.replicas.expectTroubleUntil = until.toISOString();
  }
  return wanted;
}

/** JSON where it is some (a number, null, a list), else the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const linesOf = (policy: Policy): string[] =>
  leavesOf(policy).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
