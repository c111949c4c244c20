import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { SegueError } from '../src/ops/errors.ts';
import { policySchema } from '../src/policy/policy.ts';
import { maxPolicyLength, readPolicyText } from '../src/policy/read.ts';
import { readText } from './body-text.ts';
import { caching } from './headers.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import { adminOnly } from './operator-routes.ts';
import type { RequestVariables, Service } from './service.ts';

const security = [{ [adminScheme]: [] }];
const content = { 'application/json': { schema: policySchema } };

/** `GET` and `PUT /v1/policy`: what operators decide for the whole deployment while it runs. */
export function policyRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  app.use('/v1/policy', adminOnly(ports.settings.adminToken));
  const known = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };
  const get = createRoute({
    method: 'get',
    path: '/v1/policy',
    summary: 'The policy in force',
    security,
    responses: { 200: { description: 'The policy', content }, ...errorResponses(401, 503) },
  });
  app.openapi(get, async (c) => {
    c.header('cache-control', caching.never);
    return c.json(await known(ports.catalog.policy()), 200);
  });
  // JSON and YAML, whatever the client calls it, so the body is read here.
  app.openAPIRegistry.registerPath({
    method: 'put',
    path: '/v1/policy',
    summary: 'Replaces the policy, for every node within a lease time; what is left out gets its default',
    security,
    request: {
      body: { content: { ...content, 'application/yaml': { schema: policySchema } }, required: true },
    },
    responses: {
      200: { description: 'The policy as it is now', content },
      ...errorResponses(400, 401, 413, 503),
    },
  });
  app.put('/v1/policy', async (c) => {
    const policy = readPolicyText(await readText(c.req.raw, maxPolicyLength));
    await known(ports.catalog.setPolicy(policy));
    c.header('cache-control', caching.never);
    return c.json(policy, 200);
  });
}
