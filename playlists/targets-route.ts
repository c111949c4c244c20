import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { SegueError } from '../src/ops/errors.ts';
import { caching } from './headers.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const targetsSchema = z
  .array(
    z.object({
      targets: z.array(z.string()).describe('`host:port`'),
      labels: z.record(z.string(), z.string()),
    }),
  )
  .openapi('Targets');

/**
 * `GET /v1/nodes/targets`: where the metrics of each live node are, as Prometheus discovers it (`http_sd_configs`). The admin token is
 * asked for by the routes of operators, which this one is among.
 */
export function targetsRoute(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/nodes/targets',
    summary: 'Where the metrics of each live node are, for the HTTP service discovery of Prometheus',
    security: [{ [adminScheme]: [] }],
    responses: {
      200: { description: 'The nodes', content: { 'application/json': { schema: targetsSchema } } },
      ...errorResponses(401, 503),
    },
  });
  app.openapi(route, async (c) => {
    const nodes = await ports.catalog.nodes().catch((error: unknown) => {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    });
    c.header('cache-control', caching.never);
    const live = nodes.filter(({ state }) => state !== 'dead');
    return c.json(
      live.map(({ id, url }) => ({ targets: [authorityOf(url)], labels: { node: id, ...labelsOf(url) } })),
      200,
    );
  });
}

const authorityOf = (url: string): string => {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
};

/** Labels that Prometheus reads and does not keep. */
const labelsOf = (url: string): Record<string, string> => {
  const { protocol, pathname } = new URL(url);
  return {
    __scheme__: protocol.slice(0, -1),
    __metrics_path__: `${pathname.replace(/\/$/, '')}/metrics`,
  };
};
