import { z } from '@hono/zod-openapi';
import type { EventRow } from '../../src/catalog/events.ts';

/** An event, as the API tells it. */
export const eventSchema = z
  .object({
    id: z.int().describe('Grows'),
    at: z.iso.datetime(),
    level: z.enum(['info', 'warning', 'error']),
    kind: z
      .string()
      .describe(
        'node-ready, node-draining, node-dead, takeover, stored, superseded, failed, lost, policy; more may come',
      ),
    nodeId: z.string().nullable(),
    videoId: z.string().nullable(),
    text: z.string().describe('One sentence'),
  })
  .openapi('Event');

/** An event as the API tells it. */
export const shownEvent = (event: EventRow): z.output<typeof eventSchema> => ({
  ...event,
  at: event.at.toISOString(),
});
