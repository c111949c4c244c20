import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { newApiKey, roles } from '../src/catalog/api-key.ts';
import { auditKinds } from '../src/catalog/audit-kinds.ts';
import type { ApiKey } from '../src/catalog/keys.ts';
import { SegueError } from '../src/ops/errors.ts';
import { smallBody } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const security = [{ [adminScheme]: [] }];

const newKeySchema = z
  .strictObject({
    name: z.string().min(1).max(100).describe('For people: who has it, what for'),
    role: z.enum(roles).default('client').describe('client: posts videos; reader: looks; admin: everything'),
  })
  .openapi('NewKey');

const keyShape = {
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
  lastUsedAt: z.iso.datetime().nullable().describe('About'),
  revokedAt: z.iso.datetime().nullable(),
};
const keySchema = z.object(keyShape).openapi('Key');
const madeSchema = z
  .object({ ...keyShape, key: z.string().describe('Shown once, and kept as a hash only') })
  .openapi('CreatedKey');

const entrySchema = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    kind: z.enum(auditKinds),
    actor: z.string().describe('`admin-token`, the id of a key, or `anybody`'),
    address: z.string(),
    action: z.string(),
    subject: z.string().nullable(),
    status: z.int(),
    requestId: z.string(),
  })
  .openapi('AuditEntry');

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

const shown = (key: ApiKey): z.output<typeof keySchema> => ({
  ...key,
  createdAt: key.createdAt.toISOString(),
  lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  revokedAt: key.revokedAt?.toISOString() ?? null,
});

async function asked<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    if (error instanceof SegueError) throw error;
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Ask again in a moment.',
    });
  }
}

/** `/v1/keys` and `/v1/audit`, for operators. */
export function keyRoutes(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  const { access } = ports.catalog;
  for (const path of ['/v1/keys', '/v1/keys/*', '/v1/audit'])
    app.use(path, adminOnly(ports.settings.adminToken), smallBody);

  const create = createRoute({
    method: 'post',
    path: '/v1/keys',
    summary: 'Make a key',
    security,
    request: { body: { required: true, content: { 'application/json': { schema: newKeySchema } } } },
    responses: { 201: json(madeSchema, 'The key'), ...errorResponses(400, 401, 403, 413, 429, 503) },
  });
  app.openapi(create, async (c) => {
    const { name, role } = c.req.valid('json');
    const { key, id, keyHash } = await newApiKey();
    const createdBy = c.get('actor')?.id ?? 'admin-token';
    const made = await asked(access.insertKey({ id, name, role, keyHash, createdBy }));
    c.set('subject', id);
    c.header('cache-control', caching.never);
    return c.json({ ...shown(made), key }, 201);
  });

  const list = createRoute({
    method: 'get',
    path: '/v1/keys',
    summary: 'The keys, without themselves',
    security,
    responses: {
      200: json(z.object({ keys: z.array(keySchema) }), 'Valid ones first, the newest first'),
      ...errorResponses(401, 403, 503),
    },
  });
  app.openapi(list, async (c) => {
    const keys = await asked(access.listKeys());
    c.header('cache-control', caching.never);
    return c.json({ keys: keys.map(shown) }, 200);
  });

  const revoke = createRoute({
    method: 'delete',
    path: '/v1/keys/{id}',
    summary: 'Revoke a key: within five seconds it opens nothing any more',
    security,
    request: { params: z.object({ id: z.string().max(64) }) },
    responses: { 200: json(keySchema, 'The key as it stands now'), ...errorResponses(401, 403, 404, 503) },
  });
  app.openapi(revoke, async (c) => {
    const key = await asked(access.revokeKey(c.req.valid('param').id));
    if (key === undefined)
      throw new SegueError('not_found', 'There is no such key', { hint: 'GET /v1/keys lists them.' });
    c.header('cache-control', caching.never);
    return c.json(shown(key), 200);
  });

  const audit = createRoute({
    method: 'get',
    path: '/v1/audit',
    summary: 'Who did what, when: the newest entries first',
    security,
    request: {
      query: z.object({
        limit: z.coerce.number().int().min(1).max(1000).default(100),
        before: z.coerce
          .number()
          .int()
          .min(1)
          .optional()
          .describe('Only entries older than this one: its id'),
        kind: z.enum(auditKinds).optional(),
      }),
    },
    responses: {
      200: json(z.object({ entries: z.array(entrySchema) }), 'The entries'),
      ...errorResponses(400, 401, 403, 503),
    },
  });
  app.openapi(audit, async (c) => {
    const entries = await asked(access.auditEntries(c.req.valid('query')));
    c.header('cache-control', caching.never);
    return c.json({ entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })) }, 200);
  });
}
