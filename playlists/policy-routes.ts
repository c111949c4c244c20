import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { SegueError } from '../src/ops/errors.ts';
import { type Policy, policySchema } from '../src/policy/policy.ts';
import { readText } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const security = [{ [adminScheme]: [] }];
const content = { 'application/json': { schema: policySchema } };

/** `GET` and `PUT /v1/policy`: what operators decide for the whole deployment while it runs. */
export function policyRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  app.use('/v1/policy', adminOnly(ports.settings.adminToken));
  app.use('/v1/policy/check', adminOnly(ports.settings.adminToken));
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
  // A client that does not say that its body is JSON is understood all the same, so the body is read here.
  app.openAPIRegistry.registerPath({
    method: 'put',
    path: '/v1/policy',
    summary: 'Replaces the policy, for every node within a lease time; what is left out gets its default',
    security,
    request: { body: { content, required: true } },
    responses: {
      200: { description: 'The policy as it is now', content },
      ...errorResponses(400, 401, 413, 503),
    },
  });
  app.put('/v1/policy', async (c) => {
    const policy = parsed(await readText(c.req.raw, maxBodyBytes));
    await known(ports.catalog.setPolicy(policy));
    c.header('cache-control', caching.never);
    return c.json(policy, 200);
  });
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/policy/check',
    summary: 'Says everything that is wrong with a policy, and how it would be read; changes nothing',
    security,
    request: { body: { content, required: true } },
    responses: {
      200: {
        description: 'What is wrong, if anything is',
        content: { 'application/json': { schema: checkedSchema } },
      },
      ...errorResponses(401, 413),
    },
  });
  app.post('/v1/policy/check', async (c) => {
    const text = await readText(c.req.raw, maxBodyBytes);
    c.header('cache-control', caching.never);
    return c.json(checked(text), 200);
  });
}

const checkedSchema = z
  .object({
    problems: z.array(z.string()).describe('Each as `path: message`; none: it may be set'),
    policy: policySchema.nullable().describe('With every default; null where something is wrong'),
  })
  .openapi('CheckedPolicy');

function checked(text: string): z.output<typeof checkedSchema> {
  try {
    return { problems: [], policy: parsed(text) };
  } catch (error) {
    if (!(error instanceof SegueError)) throw error;
    return { problems: error.problems.length > 0 ? [...error.problems] : [error.message], policy: null };
  }
}

const maxBodyBytes = 64 * 1024;

/** @throws SegueError `invalid_request` with every problem */
function parsed(text: string): Policy {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new SegueError('invalid_request', 'The body is not JSON', { cause: error });
  }
  const result = policySchema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new SegueError('invalid_request', problems[0] ?? 'The policy is wrong', {
    problems,
    hint: 'GET /v1/policy shows one that is right; /openapi.json describes it.',
  });
}
