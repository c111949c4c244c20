import { httpRules } from './rules/http.ts';
import { mediaRules } from './rules/media.ts';
import { multivariantRules } from './rules/multivariant.ts';
import { playlistRules } from './rules/playlist.ts';
import type { Rule } from './rules/rule.ts';
import { verifyRules } from './rules/verify.ts';
import { watchRules } from './rules/watch.ts';

export type { Level } from './rules/rule.ts';

/** Every rule, by its stable id: ids are part of the `--json` contract. */
export const rules = {
  ...httpRules,
  ...playlistRules,
  ...multivariantRules,
  ...mediaRules,
  ...watchRules,
  ...verifyRules,
} as const satisfies Record<string, Rule>;

/** Id of a rule. */
export type RuleId = keyof typeof rules;

/** The same ids, in the order of the report. */
export const ruleIds: readonly RuleId[] = Object.keys(rules).filter((id): id is RuleId => id in rules);
