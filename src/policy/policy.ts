import { z } from 'zod';
import { pricesSchema } from './document/prices.ts';
import { replicasSchema, troubleSchema } from './document/replicas.ts';
import { defaultRuleSchema, ruleSchema } from './document/rule.ts';

/** Rules of one policy at most. */
const mostRules = 100;

/**
 * What operators decide, for the whole deployment, while it runs. Everything has a default, so that a policy of an older version is
 * understood; what is not known is refused, so that a slip of the pen is told.
 */
export const policySchema = z.strictObject({
  version: z.literal(1).default(1).describe('Version of this document'),
  replicas: replicasSchema.prefault({}),
  trouble: troubleSchema.prefault({}),
  disk: z
    .strictObject({
      budgetBytes: z
        .int()
        .min(1_000_000)
        .nullable()
        .default(null)
        .describe(
          'Bytes of segments on one node; null: what its disk has. SEGUE_DISK_BUDGET_BYTES of a node goes first',
        ),
      high: z
        .number()
        .min(0.01)
        .max(1)
        .default(0.9)
        .describe('Part of the budget from which on room is made'),
      low: z.number().min(0).max(1).default(0.8).describe('Part of the budget down to which room is made'),
    })
    .refine(({ high, low }) => low < high, { error: 'low must be less than high', path: ['low'] })
    .prefault({}),
  prices: pricesSchema.prefault({}),
  rules: z
    .array(ruleSchema)
    .max(mostRules)
    .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
      error: 'two rules have the same name',
    })
    .default([])
    .describe('The first one that matches a video holds for it'),
  default: defaultRuleSchema.prefault({}).describe('Holds where no rule matches'),
});

/** The policy of a deployment. */
export type Policy = z.output<typeof policySchema>;

/** What holds where nobody has decided anything: each video is copied as far as that is worth its price. */
export const defaultPolicy: Policy = policySchema.parse({});

/** JSON Schema (draft 2020-12) of what people write: defaults are optional. What lies between fields it cannot say. */
export function policyJsonSchema(): Record<string, unknown> {
  return { title: 'Segue policy v1', ...z.toJSONSchema(policySchema, { io: 'input' }) };
}
