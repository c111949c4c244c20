import type { Tracing } from './trace.ts';

/**
 * `fetch` with a span for each call that is made inside a span, which the called process gets as its parent. The query of a URL is a
 * signature here, and is not told.
 */
export function tracedFetch(
  tracing: Tracing | undefined,
  fetch: typeof globalThis.fetch,
): typeof globalThis.fetch {
  if (tracing === undefined) return fetch;
  return async (input, init) => {
    if (tracing.current() === undefined) return fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    const attributes = {
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      'url.path': url.pathname.slice(0, 200),
    };
    const span = tracing.begin(method, { kind: 'client', attributes });
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : {}));
    for (const [name, value] of Object.entries(span.headers)) headers.set(name, value);
    try {
      const response = await fetch(input, { ...init, headers });
      const { status } = response;
      span.end({
        attributes: { 'http.response.status_code': status },
        ...(status >= 500 ? { error: `status ${status}` } : {}),
      });
      return response;
    } catch (error) {
      span.end({ error });
      throw error;
    }
  };
}
