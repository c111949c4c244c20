import { z } from 'zod';

/** How a second node comes to hold what one node makes. */
export const replicaModes = ['none', 'copy', 'render', 'on-trouble'] as const;

/**
 * What operators decide, for the whole deployment, while it runs. Everything has a default, so that a policy of an older version is
 * understood; what is not known is refused, so that a slip of the pen is told.
 */
export const policySchema = z.strictObject({
  replicas: z
    .strictObject({
      mode: z
        .enum(replicaModes)
        .default('on-trouble')
        .describe(
          'none; copy: another node pulls segments as they appear; render: another node renders them too; on-trouble: copy, from nodes in trouble only',
        ),
      expectTroubleUntil: z.iso
        .datetime({ offset: true })
        .nullable()
        .default(null)
        .describe('Until then every node counts as in trouble, as before a deployment'),
    })
    .prefault({}),
  trouble: z
    .strictObject({
      diskUsed: z
        .number()
        .min(0)
        .max(1)
        .default(0.9)
        .describe('Part of its disk from which on a node is in trouble'),
      failures: z
        .number()
        .min(0)
        .max(1)
        .default(0.3)
        .describe('Part of its last segments that failed, from which on a node is in trouble'),
    })
    .prefault({}),
});

/** The policy of a deployment. */
export type Policy = z.output<typeof policySchema>;

/** What holds where nobody has decided anything. */
export const defaultPolicy: Policy = policySchema.parse({});
