import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { differences, leavesOf, setLeaf } from '../policy/leaves.ts';
import { type Policy, policySchema } from '../policy/policy.ts';
import { maxPolicyLength, readPolicyText } from '../policy/read.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { isPolicyVerb, type PolicyVerb } from './policy-verbs.ts';
import { askAsAdmin, type ServiceAccess, serviceAccess } from './service-access.ts';
import { secondsOf } from './time.ts';

/** Options of `segue policy`, as the command line gives them. */
export interface PolicyOptions {
  /** Print JSON. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
  /** Seconds, with a unit, in which every node counts as in trouble. */
  readonly expectTrouble?: string;
  /** Why, for those who read the history. */
  readonly note?: string;
  /** Change only this version. */
  readonly ifVersion?: string;
}

const versionSchema = z.object({
  version: z.int(),
  author: z.string().nullable(),
  note: z.string().nullable(),
  createdAt: z.string().nullable(),
});
const wholeSchema = versionSchema.extend({ policy: policySchema });
const historySchema = z.object({ versions: z.array(versionSchema) });

type Run = (
  access: ServiceAccess,
  words: readonly string[],
  options: PolicyOptions,
  output: Output,
) => Promise<ExitCode>;

/** `segue policy [get|set|diff|history|restore|NAME=VALUE...]`: shows the policy of a deployment, or changes it. */
export async function policy(
  words: readonly string[],
  options: PolicyOptions,
  output: Output,
): Promise<ExitCode> {
  try {
    const access = await serviceAccess(options);
    const [first = '', ...rest] = words;
    return isPolicyVerb(first)
      ? await verbs[first](access, rest, options, output)
      : await change(access, words, options, output);
  } catch (error) {
    const code = reportError(error, output, options.json === true);
    // As diff(1) does: 1 says that something differs.
    return words[0] === 'diff' ? 2 : code;
  }
}

const verbs: Readonly<Record<PolicyVerb, Run>> = {
  async get(access, [version], options, output) {
    const { policy: found } = await wholeOf(access, version);
    output.out(options.json === true ? JSON.stringify(found) : stringify(found).trimEnd());
    return 0;
  },
  async set(access, [file], options, output) {
    if (file === undefined)
      throw new SegueError('configuration', 'segue policy set needs a file, or - for standard input');
    const before = await wholeOf(access);
    const wanted = readPolicyText(await textOf(file));
    const now = await put(access, wanted, options.note, options.ifVersion ?? String(before.version));
    tell(before.policy, now, options, output);
    return 0;
  },
  async diff(access, [a, b], options, output) {
    if (a === undefined)
      throw new SegueError('configuration', 'segue policy diff needs a file or a version to compare with');
    const isVersion = /^\d+$/.test(a);
    const other = isVersion ? (await wholeOf(access, a)).policy : readPolicyText(await textOf(a));
    const { policy: found } = await wholeOf(access, b);
    // A file is what may come next, a version what was before.
    const [before, after] = isVersion ? [other, found] : [found, other];
    tell(before, after, options, output);
    return differences(before, after).length === 0 ? 0 : 1;
  },
  async history(access, _, options, output) {
    const { versions } = await askAsAdmin(access, '/v1/policy/history', historySchema);
    for (const one of versions) {
      const { version, author, note, createdAt } = one;
      const words = [version, createdAt ?? '-', author ?? '-', note ?? ''];
      output.out(options.json === true ? JSON.stringify(one) : words.join('  ').trimEnd());
    }
    return 0;
  },
  async restore(access, [version], options, output) {
    if (version === undefined || !/^\d+$/.test(version)) {
      throw new SegueError('configuration', 'segue policy restore needs the number of a version', {
        hint: '`segue policy history` lists them.',
      });
    }
    const before = await wholeOf(access);
    const query = options.note === undefined ? '' : `?note=${encodeURIComponent(options.note)}`;
    const now = await askAsAdmin(access, `/v1/policy/${version}/restore${query}`, policySchema, {
      method: 'POST',
      headers: matching(options.ifVersion),
    });
    tell(before.policy, now, options, output);
    return 0;
  },
};

/** Shows the policy, or changes some of it: only of the version that was read, so that nobody's change is lost. */
async function change(
  access: ServiceAccess,
  changes: readonly string[],
  options: PolicyOptions,
  output: Output,
): Promise<ExitCode> {
  const { policy: current, version } = await wholeOf(access);
  const wanted = changed(current, changes, options);
  const now =
    wanted === undefined
      ? current
      : await put(
          access,
          wanted,
          options.note ?? noteOf(changes, options),
          options.ifVersion ?? String(version),
        );
  if (options.json === true) output.out(JSON.stringify(now));
  else for (const line of linesOf(now)) output.out(line);
  if (options.expectTrouble !== undefined && now.replicas.mode === 'none')
    output.err('replicas.mode is none: nothing is held twice, in trouble or not');
  return 0;
}

const noteOf = (changes: readonly string[], { expectTrouble }: PolicyOptions): string =>
  [...changes, ...(expectTrouble === undefined ? [] : [`trouble expected for ${expectTrouble}`])]
    .join(' ')
    .slice(0, 500);

/** A version of the policy; without a number, the one in force. */
async function wholeOf(access: ServiceAccess, version?: string): Promise<z.output<typeof wholeSchema>> {
  if (version !== undefined && !/^\d+$/.test(version))
    throw new SegueError('configuration', `${version} is no number of a version`);
  const { versions } =
    version === undefined
      ? await askAsAdmin(access, '/v1/policy/history?limit=1', historySchema)
      : { versions: [] };
  return askAsAdmin(access, `/v1/policy/${version ?? versions[0]?.version ?? 0}`, wholeSchema);
}

const matching = (version: string | undefined): Record<string, string> =>
  version === undefined ? {} : { 'if-match': `"${version}"` };

const put = (
  access: ServiceAccess,
  wanted: unknown,
  note: string | undefined,
  ifVersion: string | undefined,
): Promise<Policy> =>
  askAsAdmin(
    access,
    `/v1/policy${note === undefined ? '' : `?note=${encodeURIComponent(note)}`}`,
    policySchema,
    { method: 'PUT', body: JSON.stringify(wanted), headers: matching(ifVersion) },
  );

/** Says what differs. */
function tell(before: Policy, after: Policy, options: PolicyOptions, output: Output): void {
  const all = differences(before, after);
  if (options.json === true) return output.out(JSON.stringify({ differences: all }));
  if (all.length === 0) output.err('nothing differs');
  const shown = (value: unknown): string => (value === undefined ? '(nothing)' : textOfValue(value));
  for (const one of all) output.out(`${one.path}: ${shown(one.before)} -> ${shown(one.after)}`);
}

async function textOf(file: string): Promise<string> {
  if (file !== '-') {
    return readFile(file, 'utf8').catch((error: unknown) => {
      throw new SegueError('configuration', `${file} cannot be read`, { cause: error });
    });
  }
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > maxPolicyLength) break;
  }
  return text;
}

/** The policy with the changes, unchecked: the service checks it. @throws SegueError `configuration` */
function changed(current: Policy, changes: readonly string[], { expectTrouble }: PolicyOptions): unknown {
  if (changes.length === 0 && expectTrouble === undefined) return undefined;
  const wanted = structuredClone(current);
  for (const each of changes) {
    const [, path = '', text = ''] = /^([^=]+)=(.*)$/.exec(each) ?? [];
    if (!setLeaf(wanted, path, valueOf(text))) {
      throw new SegueError('configuration', `${each} changes nothing that there is`, {
        hint: `Give get, set, diff, history, restore, or NAME=VALUE with one of ${leavesOf(current)
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

const textOfValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const linesOf = (found: Policy): string[] =>
  leavesOf(found).map(([name, value]) => `${name}=${textOfValue(value)}`);
