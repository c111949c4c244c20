import { describe, expect, it } from 'vitest';
import { pageRoutes } from '../../../playlists/pages/pages.ts';
import { loadPages } from '../../../playlists/pages/pages-node.ts';
import { descriptionSchema } from '../../../src/description/schema.ts';
import { errorBody, SegueError, statusOf } from '../../../src/ops/errors.ts';

const pages = await loadPages();
const app = pageRoutes(pages);
app.onError((error, c) => c.json(errorBody(error), error instanceof SegueError ? statusOf(error.code) : 500));

describe('pages', () => {
  it('shows everything that the pages themselves refer to, and nothing from elsewhere', async () => {
    for (const path of ['/', '/admin']) {
      const html = await (await app.request(path)).text();
      const references = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, url]) => url ?? '');
      const files = references.filter((url) => !url.startsWith('data:') && url !== '/openapi.json');
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) expect([file, (await app.request(file)).status]).toEqual([file, 200]);
      // Modules name further modules, relative to themselves; libraries have none.
      const scripts = files.filter((file) => /(?<!\.min)\.js$/.test(file));
      for (const script of scripts) {
        const code = await (await app.request(script)).text();
        for (const [, module = ''] of code.matchAll(/from '(\.[\w./-]+)'/g)) {
          const { pathname } = new URL(module, `http://here${script}`);
          expect([pathname, (await app.request(pathname)).status]).toEqual([pathname, 200]);
          if (!scripts.includes(pathname)) scripts.push(pathname);
        }
      }
      expect(scripts.length).toBeGreaterThan(2);
    }
  });

  it('lets the operators’ page talk to nobody but this service, and run nothing inline', async () => {
    const answer = await app.request('/admin');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
      ]),
    );
    expect(await answer.text()).not.toMatch(/<script(?![^>]* src=)|<style|style="| on\w+=/);
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/pages/demo.css', 'text/css; charset=utf-8'],
    ['/pages/hls.min.js', 'text/javascript; charset=utf-8'],
    ['/examples/default.json', 'application/json'],
  ])('answers %s as %s, revalidated, with a policy of its own origin', async (path, type) => {
    const answer = await app.request(path);
    expect(answer.headers.get('content-type')).toBe(type);
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'self'");
    const etag = answer.headers.get('etag') ?? '';
    const again = await app.request(path, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('lists the examples, and each is a description', async () => {
    const listed = await (await app.request('/examples')).json();
    expect(listed).toEqual({ examples: pages.examples });
    expect(pages.examples[0]).toBe('/examples/default.json');
    for (const path of pages.examples) {
      const parsed = descriptionSchema.safeParse(await (await app.request(path)).json());
      expect([path, parsed.error?.issues]).toEqual([path, undefined]);
    }
  });

  it.each([
    '/pages/pages.ts',
    '/pages/..%2fpages.ts',
    '/examples/..%2F..%2Fpackage.json',
    '/pages/nothing.js',
  ])('has nothing at %s', async (path) => {
    const answer = await app.request(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'not_found' } });
  });
});
