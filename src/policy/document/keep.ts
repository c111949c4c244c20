import { z } from 'zod';
import { replicaModes } from './replicas.ts';

/** What is kept where, and how far a video is rendered. */
export const keepSchema = z.strictObject({
  localBytes: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Bytes that these videos together may have on one disk; null: its budget alone counts'),
  localSeconds: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe(
      'Seconds after which what nobody has watched leaves the disk, where another place has it; null: once space is needed',
    ),
  bucketDays: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      'Days after which what nobody has watched leaves the bucket, where it can be rendered again; null: never',
    ),
  replicas: z
    .enum(replicaModes)
    .nullable()
    .default(null)
    .describe('How a second node comes to hold what one has; null: as replicas.mode says'),
  aheadSeconds: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe('How far a watched video is rendered ahead of its viewers; null: to its end'),
  unwatchedSeconds: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe(
      'How far a video is rendered that nobody watches yet; null: as SEGUE_RENDER_AHEAD_SECONDS says',
    ),
});

/** See {@link keepSchema}. */
export type KeepRule = z.output<typeof keepSchema>;
