import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { PolicyVersion } from '../src/catalog/policy.ts';
import { SegueError } from '../src/ops/errors.ts';
import { type Policy, policySchema } from '../src/policy/policy.ts';
import { maxPolicyLength, readPolicyText } from '../src/policy/read.ts';
import { readText } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestContext, RequestVariables, Service } from './service.ts';

const security = [{ [adminScheme]: [] }];
const content = { 'application/json': { schema: policySchema } };

const versionSchema = z
  .object({
    version: z.int().describe('0: the default, which nobody has set'),
    author: z.string().nullable().describe('Whose word it was'),
    note: z.string().nullable(),
    createdAt: z.iso.datetime().nullable(),
  })
  .openapi('PolicyVersion');
const wholeSchema = z.object({ ...versionSchema.shape, policy: policySchema }).openapi('PolicyOfVersion');

/** Longest note, in characters. */
const maxNote = 500;
const noteSchema = z.string().max(maxNote, `expected at most ${maxNote} characters`).optional();
const versionParameter = z.object({ version: z.coerce.number<string>().pipe(z.int().min(0)) });
const historyLength = z.coerce.number<string>().pipe(z.int().min(1).max(1000)).default(100);

const etag = (version: number): string => `"${version}"`;

/** `/v1/policy`: what operators decide for the whole deployment while it runs, and what they had decided before. */
export function policyRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  app.use('/v1/policy/*', adminOnly(ports.settings.adminToken, ['/v1/policy/check', '/v1/policy/simulate']));
  const { policies } = ports.catalog;
  const known = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
    }
  };
  /** @throws SegueError `not_found` */
  const versionOf = async (version: number): Promise<PolicyVersion> => {
    const found = await known(policies.version(version));
    if (found !== undefined) return found;
    throw new SegueError('not_found', `There is no version ${version} of the policy`, {
      hint: 'GET /v1/policy/history lists them.',
    });
  };
  /** @throws SegueError `precondition_failed` where somebody else was quicker */
  const set = async (c: RequestContext, policy: Policy, note: string | undefined): Promise<void> => {
    const ifVersion = matchOf(c.req.header('if-match'));
    const version = await known(
      policies.set(policy, { author: c.get('actor')?.id ?? 'admin-token', note, ifVersion }),
    );
    if (version === undefined) {
      throw new SegueError(
        'precondition_failed',
        'Another policy has been set since the one that you changed',
        {
          hint: 'Get it, change that, and set it again; GET /v1/policy/history says who set it.',
        },
      );
    }
    c.header('cache-control', caching.never);
    c.header('etag', etag(version));
  };

  const get = createRoute({
    method: 'get',
    path: '/v1/policy',
    summary: 'The policy in force. The ETag is its version',
    security,
    responses: { 200: { description: 'The policy', content }, ...errorResponses(401, 503) },
  });
  app.openapi(get, async (c) => {
    const { version, policy } = await known(policies.current());
    c.header('cache-control', caching.never);
    c.header('etag', etag(version));
    return c.json(policy, 200);
  });
  // JSON and YAML, whatever the client calls it, so the body is read here.
  app.openAPIRegistry.registerPath({
    method: 'put',
    path: '/v1/policy',
    summary:
      'Replaces the policy, for every node within two seconds; what is left out gets its default. With If-Match only the version that was read',
    security,
    request: {
      query: z.object({ note: noteSchema.describe('Why, for those who read the history') }),
      body: { content: { ...content, 'application/yaml': { schema: policySchema } }, required: true },
    },
    responses: {
      200: { description: 'The policy as it is now', content },
      ...errorResponses(400, 401, 412, 413, 503),
    },
  });
  app.put('/v1/policy', async (c) => {
    const policy = readPolicyText(await readText(c.req.raw, maxPolicyLength));
    await set(c, policy, noteOf(c));
    return c.json(policy, 200);
  });

  const history = createRoute({
    method: 'get',
    path: '/v1/policy/history',
    summary: 'Who has set which policy, and when; newest first',
    security,
    request: { query: z.object({ limit: historyLength }) },
    responses: {
      200: {
        description: 'The versions',
        content: { 'application/json': { schema: z.object({ versions: z.array(versionSchema) }) } },
      },
      ...errorResponses(400, 401, 503),
    },
  });
  app.openapi(history, async (c) => {
    const versions = await known(policies.history(c.req.valid('query').limit));
    c.header('cache-control', caching.never);
    return c.json({ versions: versions.map(shown) }, 200);
  });

  const old = createRoute({
    method: 'get',
    path: '/v1/policy/{version}',
    summary: 'A policy that was set once',
    security,
    request: { params: versionParameter },
    responses: {
      200: { description: 'The policy', content: { 'application/json': { schema: wholeSchema } } },
      ...errorResponses(400, 401, 404, 503),
    },
  });
  app.openapi(old, async (c) => {
    const found = await versionOf(c.req.valid('param').version);
    c.header('cache-control', caching.never);
    return c.json({ ...shown(found), policy: found.policy }, 200);
  });

  const restore = createRoute({
    method: 'post',
    path: '/v1/policy/{version}/restore',
    summary: 'Sets a policy anew that was set once, as a new version',
    security,
    request: { params: versionParameter },
    responses: {
      200: { description: 'The policy as it is now', content },
      ...errorResponses(400, 401, 404, 412, 503),
    },
  });
  app.openapi(restore, async (c) => {
    const { version, policy } = await versionOf(c.req.valid('param').version);
    await set(c, policy, noteOf(c) ?? `version ${version} again`);
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
    const text = await readText(c.req.raw, maxPolicyLength);
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
    return { problems: [], policy: readPolicyText(text) };
  } catch (error) {
    if (!(error instanceof SegueError)) throw error;
    return { problems: error.problems.length > 0 ? [...error.problems] : [error.message], policy: null };
  }
}

const shown = ({ version, author: who, note, createdAt }: PolicyVersion): z.output<typeof versionSchema> => ({
  version,
  author: who,
  note,
  createdAt: createdAt?.toISOString() ?? null,
});

/** @throws SegueError `invalid_request` */
function noteOf(c: RequestContext): string | undefined {
  const { data, error } = noteSchema.safeParse(c.req.query('note'));
  if (error !== undefined) throw new SegueError('invalid_request', `note: ${error.issues[0]?.message ?? ''}`);
  return data;
}

/** The version that has to be in force (RFC 9110, 13.1.1); undefined: any. @throws SegueError `invalid_request` */
function matchOf(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined;
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  throw new SegueError('invalid_request', `If-Match: ${header.slice(0, 64)} is no ETag of a policy`, {
    hint: 'Send the ETag of GET /v1/policy, as "3".',
  });
}
