import type { Policy } from '../policy/policy.ts';
import { readPolicy } from '../policy/read.ts';
import type { NamedPolicies } from './compare.ts';

/**
 * The default, and what it is to be better than: copying everything, whose local copies leave after an hour, since the bucket has
 * them; and copying nothing. Otherwise as `base` says.
 */
export function baselines(base: Pick<Policy, 'prices' | 'trouble'>): NamedPolicies {
  const policy = (copy: object, keep: object = {}): Policy =>
    readPolicy({ prices: base.prices, trouble: base.trouble, default: { copy, keep } });
  return [
    { name: 'auto', policy: policy({ what: 'auto' }) },
    { name: 'everything', policy: policy({ what: 'everything' }, { localSeconds: 3600 }) },
    { name: 'nothing', policy: policy({ what: 'nothing' }) },
  ];
}
