import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { eventStreams } from '../event-stream.ts';
import { pause } from '../flights.ts';
import { adminScheme, errorResponses } from '../openapi.ts';
import type { RequestVariables, Service } from '../service.ts';
import { feedState } from './feed-state.ts';

/** Between two looks at what changed, in milliseconds. */
const lookMs = 1000;

/**
 * `GET /v1/overview`: what a dashboard follows after it has read the lists, as server-sent events. It costs a few small queries a
 * second, however many videos there are.
 */
export function feedRoute(
  app: OpenAPIHono<{ Variables: RequestVariables }>,
  { ports }: Service,
  admin: MiddlewareHandler,
): void {
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/overview',
    security: [{ [adminScheme]: [] }],
    summary:
      'Server-sent events: `nodes` (all of them, every other second), `videos` (rows that changed, at most each second), `playheads` (by render, those that moved), `log` (new events), `stale` (read the list again)',
    responses: {
      200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } },
      ...errorResponses(401, 503),
    },
  });
  const stream = eventStreams(ports);
  app.get('/v1/overview', admin, (c) =>
    stream(c, async (to) => {
      const state = feedState(ports);
      try {
        while (!to.over.aborted && (await c.get('stillValid')?.()) !== false) {
          // While the catalog is away the stream stays open, and says so.
          const messages = await state.look().catch(() => [{ event: 'away', data: '{}' }]);
          for (const message of messages) await to.event(message);
          if (messages.length === 0) await to.idle();
          // Not woken by changes: they are collected.
          await pause(lookMs, to.over).catch(() => undefined);
        }
      } finally {
        state.stop();
      }
    }),
  );
}
