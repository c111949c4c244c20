import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import { apiKeyHash, isApiKey } from '../src/catalog/api-key.ts';
import { SegueError } from '../src/ops/errors.ts';
import type { Actor } from './actor.ts';
import { isOwnPage } from './own-page.ts';
import type { Ports } from './ports.ts';
import type { RequestVariables } from './service.ts';

type Handler = MiddlewareHandler<{ Variables: RequestVariables }>;

/** How long a key is believed after it was looked up, in milliseconds: revoking it takes as long to hold everywhere. */
const believedMs = 5_000;

const sha256 = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));

/** Whether two texts are the same. Compares hashes, to their ends, so that timing tells nothing. */
export async function isSame(given: string, expected: string): Promise<boolean> {
  const [a, b] = [await sha256(given), await sha256(expected)];
  let difference = 0;
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0);
  return difference === 0;
}

/** What a request shows as a bearer token; an admin token may be any text, with more than RFC 6750 allows. Undefined where it shows none. */
const bearerOf = (header: string | undefined): string | undefined =>
  /^Bearer +(.+)$/i.exec(header ?? '')?.[1];

/**
 * Finds out who asks: the admin token, or a key of the catalog. Refuses nothing, so that routes that are open to everybody stay so;
 * a credential that opens nothing is noted as `stranger`.
 */
export function identify(ports: Ports): Handler {
  const known = new LRUCache<string, Actor>({ max: 1000, ttl: believedMs });

  const actorOf = async (token: string): Promise<Actor | undefined> => {
    if (await isSame(token, ports.settings.adminToken)) return { id: 'admin-token', role: 'admin' };
    if (!isApiKey(token)) return undefined;
    const hash = await apiKeyHash(token);
    const before = known.get(hash);
    if (before !== undefined) return before;
    try {
      const key = await ports.catalog.access.useKey(hash);
      if (key === undefined) return undefined;
      const actor = { id: key.id, role: key.role };
      known.set(hash, actor);
      return actor;
    } catch (error) {
      throw new SegueError(
        'catalog_unavailable',
        'The catalog does not answer: nobody can say whose key it is',
        {
          cause: error,
          hint: 'Ask again in a moment. The admin token opens without the catalog.',
        },
      );
    }
  };
  return async function identify(c, next) {
    // What is no bearer token is for somebody else: a proxy in front may have its own passwords.
    const token = bearerOf(c.req.header('authorization'));
    if (token !== undefined) {
      const actor = await actorOf(token);
      c.set('actor', actor);
      // While the catalog is away nobody can tell, and nothing new is told either.
      c.set('stillValid', () =>
        actorOf(token).then(
          (now) => now?.id === actor?.id,
          () => true,
        ),
      );
      c.set('stranger', actor === undefined);
    }
    await next();
  };
}

const notAllowed = (hint: string): SegueError => new SegueError('unauthorized', 'This needs a key', { hint });

/**
 * Lets operators through: the admin token, and keys of the role `admin`; keys of the role `reader` where nothing is changed.
 * `token`: the admin token, which opens by itself where nobody was identified. `looks`: paths of POSTs that change nothing.
 */
export function adminOnly(token: string, looks: readonly string[] = []): MiddlewareHandler {
  return async function adminOnly(c, next) {
    const header = c.req.header('authorization');
    const isAdminToken = await isSame(bearerOf(header) ?? '', token);
    const actor = isAdminToken ? undefined : (c.get('actor') as Actor | undefined);
    if (!isAdminToken && actor === undefined) {
      c.header('www-authenticate', 'Bearer realm="segue"');
      throw new SegueError('unauthorized', 'This needs the admin token', {
        hint: 'Send it as "Authorization: Bearer <token>"; the embedded stack keeps it in the file admin-token. A key of the role admin opens it, too.',
      });
    }
    const reads = c.req.method === 'GET' || c.req.method === 'HEAD' || looks.includes(c.req.path);
    if (!isAdminToken && actor?.role !== 'admin' && !(actor?.role === 'reader' && reads)) {
      throw new SegueError('forbidden', `A key of the role ${actor?.role} does not open this`, {
        hint: 'Use the admin token, or a key of the role admin (`segue keys create NAME --role admin`).',
      });
    }
    await next();
  };
}

/** A page of another site must not post through the browser of somebody who can reach this service and needs no key for it. */
function refuseOtherSites(request: Request, localOnly: boolean): void {
  if (!request.headers.has('origin') || isOwnPage(request, localOnly)) return;
  throw new SegueError('forbidden', 'A page of another site may not post without a key', {
    hint: 'Send a key as "Authorization: Bearer segue_...", or post from a server.',
  });
}

/**
 * Lets those through who may post: everybody, as long as no key was ever made for a client; from then on keys of the role `client`
 * or `admin`, and the admin token.
 */
export function clientOnly(ports: Ports): Handler {
  let inUse: { readonly at: number; readonly value: boolean } | undefined;

  const areKeysInUse = async (): Promise<boolean> => {
    // Once there are keys, there are for ever.
    if (inUse !== undefined && (inUse.value || ports.now() - inUse.at < believedMs)) return inUse.value;
    try {
      inUse = { at: ports.now(), value: await ports.catalog.access.areKeysInUse() };
      return inUse.value;
    } catch (error) {
      throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
        cause: error,
        hint: 'Post it again: nothing was kept.',
      });
    }
  };
  return async function clientOnly(c, next) {
    const actor = c.get('actor');
    if (actor === undefined) refuseOtherSites(c.req.raw, ports.localOnly ?? false);
    if (
      actor === undefined &&
      (c.get('stranger') === true || ports.settings.admission.keysRequired || (await areKeysInUse()))
    ) {
      c.header('www-authenticate', 'Bearer realm="segue"');
      throw notAllowed(
        'Send it as "Authorization: Bearer segue_..."; an operator makes one with `segue keys create NAME`.',
      );
    }
    if (actor?.role === 'reader') {
      throw new SegueError('forbidden', 'A key of the role reader posts nothing', {
        hint: 'Use a key of the role client.',
      });
    }
    await next();
  };
}
