import { textBody } from './gzip.ts';
import { openToAll } from './headers.ts';
import type { Ports } from './ports.ts';
import type { RequestContext } from './service.ts';

/** A text that players read: compressed where they take it, open to every origin. */
export async function textAnswer(
  c: RequestContext,
  { runtime }: Pick<Ports, 'runtime'>,
  text: string,
  contentType: string,
  cacheControl: string,
): Promise<Response> {
  const { bytes, headers } = await textBody(
    text,
    runtime === 'process' ? c.req.header('accept-encoding') : undefined,
  );
  return new Response(c.req.method === 'HEAD' ? null : bytes, {
    headers: { ...openToAll, ...headers, 'content-type': contentType, 'cache-control': cacheControl },
  });
}
