import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { errorResponses } from './openapi.ts';
import type { RequestVariables } from './service.ts';

type Registry = OpenAPIHono<{ Variables: RequestVariables }>['openAPIRegistry'];

const id = z.string().describe('The id of a stream');
const rendition = z.string().describe('As the multivariant playlist names it');
const binary = { schema: { type: 'string' as const, format: 'binary' } };

const routes = [
  {
    path: '/v/{id}/{rendition}/{n}.{extension}',
    summary:
      'Segment n of a stream that another program renders, in its container; held while the node that has it is away',
    params: z.object({ id, rendition, n: z.int().min(0), extension: z.enum(['m4s', 'ts', 'aac', 'vtt']) }),
    types: ['video/mp4', 'audio/mp4', 'video/mp2t', 'audio/aac', 'text/vtt'],
    more: { 307: { description: 'The segment is in the bucket, at `Location`' } },
  },
  {
    path: '/v/{id}/{rendition}/init-{k}.mp4',
    summary: 'An init segment of such a stream',
    params: z.object({ id, rendition, k: z.int().min(0) }),
    types: ['video/mp4'],
    more: {},
  },
  {
    path: '/v/{id}/{rendition}/key-{k}.key',
    summary: 'An AES-128 key that its source has uploaded',
    params: z.object({ id, rendition, k: z.int().min(0) }),
    types: ['application/octet-stream'],
    more: {},
  },
];

/** Documents what players ask for of streams beyond what videos have. */
export function documentStreamFiles(registry: Registry): void {
  for (const { path, summary, params, types, more } of routes) {
    const content = Object.fromEntries(types.map((type) => [type, binary]));
    registry.registerPath({
      method: 'get',
      path,
      summary,
      request: { params },
      responses: { 200: { description: 'The bytes', content }, ...more, ...errorResponses(404, 503) },
    });
  }
}
