import { z } from 'zod';

const MiB = 1024 * 1024;

/** S3 takes no more tags on one object. */
const mostTags = 10;

/** How what is copied gets to the bucket. Bounds are those of one node. */
export const howSchema = z.strictObject({
  priority: z
    .int()
    .min(-100)
    .max(100)
    .default(0)
    .describe(
      'Videos of a higher one are copied first; within one: near the playheads, the beginning, play order',
    ),
  concurrency: z
    .int()
    .min(1)
    .max(32)
    .nullable()
    .default(null)
    .describe('Uploads at once; null: as many as the node has slots'),
  bytesPerSecond: z.int().min(65_536).nullable().default(null).describe('null: as fast as it goes'),
  cpuCeiling: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Used part of the CPUs, above which copying waits for rendering; never on trouble'),
  partBytes: z
    .int()
    .min(5 * MiB)
    .max(512 * MiB)
    .default(8 * MiB)
    .describe('Objects above this size go up in parts of it'),
  storageClass: z
    .string()
    .regex(/^[A-Z0-9_]{1,64}$/, { error: 'expected a storage class as STANDARD_IA' })
    .nullable()
    .default(null)
    .describe("null: the bucket's own"),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= mostTags, {
      error: `expected at most ${mostTags} tags: S3 takes no more`,
    })
    .default({})
    .describe('Tags of each object, for lifecycle rules and bills'),
});

/** See {@link howSchema}. */
export type HowRule = z.output<typeof howSchema>;
