import { Hono } from 'hono';
import { z } from 'zod';
import type { NodePolicy } from './start.ts';

const evictSchema = z.strictObject({ bytes: z.number().min(0).optional() });

/** What the playlist service asks of a node for operators; behind the shared secret. */
export function nodePolicyRoutes(policy: Pick<NodePolicy, 'explain' | 'copyNow' | 'evict'>): Hono {
  const app = new Hono();
  app.get('/renders/:renderId/explanation', async (c) =>
    c.json(await policy.explain(c.req.param('renderId'))),
  );
  app.post('/renders/:renderId/copy', async (c) =>
    c.json({ segments: await policy.copyNow(c.req.param('renderId')) }),
  );
  app.post('/renders/:renderId/evict', async (c) =>
    c.json(await policy.evict({ renderId: c.req.param('renderId') })),
  );
  app.post('/evict', async (c) => {
    const { bytes } = evictSchema.parse(await c.req.json().catch(() => ({})));
    return c.json(await policy.evict({ bytes }));
  });
  return app;
}
