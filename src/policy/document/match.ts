import { z } from 'zod';
import { labelSchema, mostLabels } from '../labels.ts';

/** A range of figures: `from <= figure < to`, either end may be left open. */
const span = (what: string) =>
  z
    .strictObject({ from: z.number().min(0).optional(), to: z.number().min(0).optional() })
    .refine(({ from, to }) => from !== undefined || to !== undefined, {
      error: 'expected from, to or both',
    })
    .refine(({ from = 0, to = Number.POSITIVE_INFINITY }) => from < to, {
      error: 'from must be less than to: nothing lies between them',
    })
    .optional()
    .describe(`${what}: from <= figure < to`);

/** Which videos a rule is about: those of which everything that is given holds. */
export const matchSchema = z
  .strictObject({
    labels: z
      .array(labelSchema)
      .min(1)
      .max(mostLabels)
      .optional()
      .describe('Videos with any of these labels (given when a video is posted: ?label=)'),
    size: span('Shorter side in pixels'),
    duration: span('Seconds'),
    renderCost: span('CPU seconds that a second of the video takes to render, as measured or estimated'),
    age: span('Seconds since the video was first posted'),
  })
  .describe('Nothing given: every video');

/** See {@link matchSchema}. */
export type Match = z.output<typeof matchSchema>;
