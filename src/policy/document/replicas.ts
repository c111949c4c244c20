import { z } from 'zod';

/** How a second node comes to hold what one node makes. */
export const replicaModes = ['none', 'copy', 'render', 'on-trouble'] as const;

/** One of {@link replicaModes}. */
export type ReplicaMode = (typeof replicaModes)[number];

/** What is held twice where no rule says otherwise. */
export const replicasSchema = z.strictObject({
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
});

const part = (what: string, byDefault: number) => z.number().min(0).max(1).default(byDefault).describe(what);

/** What counts as trouble of a node, and how often one is lost. */
export const troubleSchema = z.strictObject({
  diskUsed: part(
    'Part that segments fill of what they could fill of its disk (they and free space), from which on a node is in trouble',
    0.9,
  ),
  failures: part('Part of its last segments that failed, from which on a node is in trouble', 0.3),
  lossesPerMonth: z
    .number()
    .min(0)
    .max(1000)
    .default(0.1)
    .describe(
      'How often one node is lost with its disk, in a month: what a single copy is worth depends on it',
    ),
});
