import { Hono } from 'hono';
import { SegueError } from '../../src/ops/errors.ts';

/** One file that the service shows to people. */
export interface Page {
  readonly body: Uint8Array<ArrayBuffer>;
  /** `content-type` of the answer. */
  readonly contentType: string;
  /** Strong validator, quoted (RFC 9110 8.8.3). */
  readonly etag: string;
}

/** Port to the files of the demo page and the operators' page. Node reads them from the checkout; a Worker may have none. */
export interface Pages {
  /** The file at this URL path (`/`, `/admin`, `/pages/demo.js`, `/examples/default.json`), or undefined. */
  get(path: string): Page | undefined;
  /** URL paths of the example descriptions, `/examples/default.json` first. */
  readonly examples: readonly string[];
}

// The operators' page talks to nobody but this service.
const adminSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// Scripts and styles come from this service only; media, playlists and segments may come from any CDN, and hls.js
// demuxes in a worker made from a blob.
const contentSecurityPolicy = [
  "default-src 'self'",
  'media-src blob: http: https:',
  "connect-src 'self' http: https:",
  'worker-src blob:',
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Routes of the pages: `/`, `/admin`, `/pages/*`, `/examples` (list of paths) and `/examples/*.json`.
 * Throws `not_found` for a path that no file has.
 */
export function pageRoutes(pages: Pages): Hono {
  const app = new Hono();
  app.get('/examples', (c) => {
    c.header('cache-control', 'no-cache');
    return c.json({ examples: pages.examples });
  });
  for (const path of ['/', '/admin', '/pages/:file', '/pages/admin/:file', '/examples/:file']) {
    app.get(path, (c) => {
      const page = pages.get(c.req.path);
      if (page === undefined) {
        throw new SegueError('not_found', `There is no page at ${c.req.path}`, {
          hint: 'The demo page is at /, the API is described at /openapi.json',
        });
      }
      // Revalidated at each visit, so that an update of the service shows at once.
      c.header('cache-control', 'no-cache');
      c.header('etag', page.etag);
      c.header('x-content-type-options', 'nosniff');
      c.header('referrer-policy', 'no-referrer');
      c.header(
        'content-security-policy',
        c.req.path === '/admin' ? adminSecurityPolicy : contentSecurityPolicy,
      );
      if (c.req.header('if-none-match') === page.etag) return c.body(null, 304);
      c.header('content-type', page.contentType);
      return c.body(page.body);
    });
  }
  return app;
}
