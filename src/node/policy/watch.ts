import type { Catalog } from '../../catalog/connect.ts';
import { currentPolicy, type PolicyVersion, policyHistory, policyNumber } from '../../catalog/policy.ts';
import type { Change } from '../../catalog/wake.ts';
import type { Log } from '../../ops/log.ts';
import { type StepResult, startLoop } from '../../ops/loop.ts';
import { defaultPolicy } from '../../policy/policy.ts';

/** The policy in force, as this node knows it. */
export interface PolicyWatch extends AsyncDisposable {
  readonly current: Pick<PolicyVersion, 'version' | 'policy'>;
  /** Looks at once where a policy was set. */
  hear(change: Change): void;
  /** One look. */
  step(): Promise<StepResult>;
}

/** Where an announcement is lost, a policy holds after so long, in milliseconds. */
const pollMs = 1000;
/** Versions among which one that is understood is looked for. */
const lookedBack = 100;

/**
 * Watches the policy: it holds as soon as it is announced, and at the next poll otherwise. While the catalog is away, what was known last
 * holds. The first look has been taken when the promise resolves, if the catalog answers.
 */
export async function watchPolicy(
  { catalog, log }: { readonly catalog: Catalog; readonly log: Log },
  onChange: () => void,
): Promise<PolicyWatch> {
  let current: PolicyWatch['current'] = { version: 0, policy: defaultPolicy };
  const step = async (): Promise<StepResult> => {
    if ((await policyNumber(catalog.db)) === current.version) return 'idle';
    const { version, policy, author, isForeign } = await currentPolicy(catalog.db);
    if (isForeign === true) {
      // During an upgrade: what held before is nearer to what operators want than the default.
      const before = (await policyHistory(catalog.db, lookedBack)).find((one) => one.isForeign !== true);
      current = { version, policy: before?.policy ?? defaultPolicy };
      log.error(
        { version, author, holds: before?.version ?? 0 },
        'policy not understood: a newer version of Segue wrote it, and an older one of it holds here',
      );
    } else {
      current = { version, policy };
      log.info({ version, author }, 'policy in force');
    }
    onChange();
    return 'idle';
  };
  await step().catch((error: unknown) => log.warn({ err: error }, 'policy not known yet'));
  const loop = startLoop(step, {
    name: 'policy',
    intervalMs: pollMs,
    log,
    backoffMs: { first: 200, longest: pollMs },
  });
  return {
    get current() {
      return current;
    },
    hear: ({ type }) => {
      if (type === 'policy') loop.wake();
    },
    step,
    [Symbol.asyncDispose]: () => loop.stop(),
  };
}
