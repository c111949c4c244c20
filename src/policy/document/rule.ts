import { z } from 'zod';
import { copySchema } from './copy.ts';
import { howSchema } from './how.ts';
import { keepSchema } from './keep.ts';
import { matchSchema } from './match.ts';

const decided = {
  copy: copySchema.prefault({}),
  how: howSchema.prefault({}),
  keep: keepSchema.prefault({}),
};

/** What holds for the videos that no rule matches. */
export const defaultRuleSchema = z.strictObject(decided);

/** A rule: which videos, and what holds for them. */
export const ruleSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, { error: 'expected 1 to 64 of a-z, 0-9 and dash' })
    .refine((name) => name !== defaultRuleName, { error: 'the last rule is called so' })
    .describe('What explanations call it'),
  match: matchSchema,
  ...decided,
});

/** What explanations call the last rule. */
export const defaultRuleName = 'default';

/** What holds for a video, and the name of the rule that says so. */
export type Rule = z.output<typeof defaultRuleSchema> & { readonly name: string };
