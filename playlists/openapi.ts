import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { descriptionJsonSchema } from '../src/description/parse.ts';
import { errorCodes } from '../src/ops/errors.ts';

/** The body of every error answer. */
const errorSchema = z
  .object({
    error: z.object({
      code: z.enum(errorCodes),
      message: z.string(),
      hint: z.string().optional(),
      requestId: z.string().optional(),
      problems: z.array(z.string()).optional().describe('Every problem found, as `path: message`'),
    }),
  })
  .openapi('Error');

const reasons = {
  400: 'The request is wrong',
  401: 'The admin token, or a key, is missing or wrong',
  403: 'This key does not open it',
  404: 'There is no such thing',
  413: 'The body is too large',
  422: 'It would take more than the budget of one video: the message has estimate and limit',
  429: 'Too much for now; Retry-After says when it fits',
  503: 'Something that is needed does not answer; Retry-After says when to ask again',
} as const;

/** Documentation of error answers with these statuses. */
export function errorResponses<S extends keyof typeof reasons>(...statuses: S[]) {
  const response = (status: S) => ({
    description: reasons[status],
    content: { 'application/json': { schema: errorSchema } },
  });
  return Object.fromEntries(statuses.map((status) => [status, response(status)])) as {
    [K in S]: ReturnType<typeof response>;
  };
}

/** Name of the security scheme of the operators' routes. */
export const adminScheme = 'adminToken';

/** Registers what several routes refer to: the admin token, and the schema of descriptions as its own parser writes it. */
export function documentShared(registry: OpenAPIHono['openAPIRegistry']): void {
  registry.registerComponent('securitySchemes', adminScheme, { type: 'http', scheme: 'bearer' });
  registry.registerComponent('schemas', 'Description', descriptionJsonSchema());
}

/** A description in a request body. */
export const descriptionReference = { $ref: '#/components/schemas/Description' };

/** Head of `GET /openapi.json`. */
export const openApiInfo = {
  openapi: '3.1.0',
  info: {
    title: 'Segue',
    version: '1',
    description:
      'Makes a video from a description and streams it while it is made. Playlists and segments are below `/v/{id}/`: begin with the `url` of a video.',
  },
};
