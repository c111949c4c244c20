import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { auditEntries, noteAudit } from '../../../src/catalog/audit.ts';
import { openCatalog } from '../../../src/catalog/connect.ts';
import { audit } from '../../../src/cli/audit.ts';
import { createKey, listKeys, revokeKey } from '../../../src/cli/keys.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { adminToken, admission, description, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const cdn = 'https://cdn.example';
let seed = 0;

function client(url: string) {
  const call = (
    method: string,
    path: string,
    token?: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const makeKey = async (name: string, role: string): Promise<{ id: string; key: string }> => {
    const made = await fetch(`${url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name, role }),
    });
    expect(made.status).toBe(201);
    return made.json() as Promise<{ id: string; key: string }>;
  };
  const post = async (token?: string, headers?: Record<string, string>): Promise<number> => {
    seed += 1;
    return (await call('POST', '/v1/videos', token, description(1, seed), headers)).status;
  };
  const get = async (path: string, token?: string): Promise<number> =>
    (await call('GET', path, token)).status;
  return { call, makeKey, post, get };
}

function openTestCatalog(url: string) {
  const catalog = openCatalog(url);
  onTestFinished(() => catalog.close());
  return catalog;
}

test('everybody may post until a key is made for a client; from then on only who has one, for ever', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  await using second = await startService(databaseUrl, cdn);
  const { makeKey, post, call } = client(service.url);
  const other = client(second.url);
  expect(await post()).toBe(201);
  expect(await post('segue_nonsense'), 'a credential that opens nothing is told').toBe(401);
  await makeKey('dashboard', 'reader');
  expect(await post()).toBe(201);
  const { id, key } = await makeKey('a client', 'client');
  expect(key).toMatch(/^segue_[\w-]{43}$/);
  await until(async () => (await post()) === 401, { what: 'it is closed' });
  expect(await post(key)).toBe(201);
  expect(await other.post(key)).toBe(201);
  expect(await post(adminToken)).toBe(201);
  expect((await call('DELETE', `/v1/keys/${id}`, adminToken)).status).toBe(200);
  await until(async () => (await post(key)) === 401, { what: 'the key opens nothing', timeout: 20_000 });
  await until(async () => (await other.post(key)) === 401, { what: 'nor elsewhere', timeout: 20_000 });
  expect(await post(), 'revoking the last one does not open').toBe(401);
});

test('what goes on for somebody whose key is revoked ends', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const { makeKey, call } = client(service.url);
  const { id, key } = await makeKey('a dashboard', 'reader');
  const streams = await Promise.all(['/v1/events', '/v1/overview'].map((path) => call('GET', path, key)));
  expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  let ended = 0;
  const reading = streams.map((answer) => answer.text().then(() => (ended += 1)));
  expect((await call('DELETE', `/v1/keys/${id}`, adminToken)).status).toBe(200);
  await until(() => ended === 2, { what: 'both have ended', timeout: 30_000 });
  await Promise.all(reading);
});

test('each role opens what it is for, and no more', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const { makeKey, post, get, call } = client(service.url);
  const [posts, reads, rules] = [
    await makeKey('c', 'client'),
    await makeKey('r', 'reader'),
    await makeKey('a', 'admin'),
  ];
  const changed = async (token: string) =>
    (await call('PUT', '/v1/policy', token, { replicas: { mode: 'none' } })).status;
  for (const path of ['/v1/nodes', '/v1/policy', '/v1/streams', '/v1/keys', '/v1/audit']) {
    expect(await get(path), path).toBe(401);
    expect(await get(path, posts.key), path).toBe(403);
    expect(await get(path, reads.key), path).toBe(200);
    expect(await get(path, rules.key), path).toBe(200);
  }
  expect([await changed(posts.key), await changed(reads.key), await changed(rules.key)]).toEqual([
    403, 403, 200,
  ]);
  const tried = async (token: string) => (await call('POST', '/v1/policy/check', token, {})).status;
  expect([await tried(posts.key), await tried(reads.key), await tried(rules.key)]).toEqual([403, 200, 200]);
  const dryRun = await call('POST', '/v1/policy/simulate', reads.key, {});
  expect(dryRun.status, 'which changes nothing').toBe(200);
  expect([await post(posts.key), await post(reads.key), await post(rules.key)]).toEqual([201, 403, 201]);
  const made = await call(
    'POST',
    '/v1/keys',
    reads.key,
    { name: 'x', role: 'admin' },
    { 'content-type': 'application/json' },
  );
  expect(made.status).toBe(403);
});

test('of a key nothing is kept but its hash', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const { makeKey, post } = client(service.url);
  const { key } = await makeKey('a client', 'client');
  await post(key);
  const { db } = openTestCatalog(databaseUrl);
  const rows = JSON.stringify([
    await db.execute('SELECT * FROM api_keys'),
    await db.execute('SELECT * FROM audit'),
    await db.execute('SELECT * FROM hits'),
    await db.execute('SELECT * FROM budgets'),
  ]);
  expect(rows).toContain('key_hash');
  expect(rows).not.toContain(key.slice('segue_'.length, 20));
});

test('a page of another site posts nothing through the browser of somebody who needs no key', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const { post, makeKey } = client(service.url);
  expect(await post(undefined, { origin: 'https://evil.example' })).toBe(403);
  expect(await post(undefined, { origin: 'null' })).toBe(403);
  expect(await post(undefined, { origin: service.url })).toBe(201);
  const { key } = await makeKey('a page', 'client');
  expect(await post(key, { origin: 'https://good.example' })).toBe(201);
});

test('a site whose own name leads to this machine posts nothing either', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  await using proxied = await startService(await postgres.createDatabase(), cdn, {
    admission: { ...admission, trustedProxies: 1 },
  });
  const postAs = async (url: string, host: string): Promise<number> => {
    seed += 1;
    const headers = { host, origin: `http://${host}` };
    const sent = request(`${url}/v1/videos`, { method: 'POST', headers });
    sent.end(JSON.stringify(description(1, seed)));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  };
  const { port } = new URL(service.url);
  expect(await postAs(service.url, `evil.example:${port}`)).toBe(403);
  expect(await postAs(service.url, `localhost:${port}`)).toBe(201);
  expect(await postAs(proxied.url, 'segue.example'), 'a proxy of ours gives it a name').toBe(201);
});

test('a password of a proxy in front is no wrong key', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const { post, get } = client(service.url);
  const basic = { authorization: 'Basic dXNlcjpwYXNzd29yZA==' };
  expect(await post(undefined, basic)).toBe(201);
  expect(await get('/v1/nodes', undefined)).toBe(401);
  expect((await fetch(`${service.url}/v1/nodes`, { headers: basic })).status).toBe(401);
});

test('who did what is kept: what was done, and what somebody known was refused', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const { makeKey, post, call, get } = client(service.url);
  expect(await post()).toBe(201);
  const { id, key } = await makeKey('a client', 'client');
  await call('PUT', '/v1/policy', adminToken, { replicas: { mode: 'copy' } }, { 'x-request-id': 'mine' });
  await call('PUT', '/v1/policy', 'wrong', { replicas: { mode: 'copy' } });
  await call('PUT', '/v1/policy', key, { replicas: { mode: 'copy' } });
  await get('/v1/nodes', adminToken);
  await post(key);
  const answer = await call('GET', '/v1/audit?limit=10', adminToken);
  const { entries } = (await answer.json()) as { entries: Record<string, unknown>[] };
  expect(entries.map(({ actor, action, status, kind }) => [actor, action, status, kind])).toEqual([
    [id, 'POST /v1/videos', 201, 'client'],
    [id, 'PUT /v1/policy', 403, 'client'],
    ['admin-token', 'PUT /v1/policy', 200, 'operator'],
    ['admin-token', 'POST /v1/keys', 201, 'operator'],
    ['anybody', 'POST /v1/videos', 201, 'client'],
  ]);
  expect(entries[2]).toMatchObject({ address: '127.0.0.1', requestId: 'mine' });
  expect(entries[3]).toMatchObject({ subject: id });
  expect(entries[0]?.['subject']).toMatch(/^[a-z2-7]{20,}$/);
  const older = await call('GET', `/v1/audit?before=${String(entries[3]?.['id'])}&kind=client`, adminToken);
  expect(((await older.json()) as { entries: unknown[] }).entries).toHaveLength(1);
});

test('the newest of each kind are kept, so that clients push nothing of operators out', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using service = await startService(databaseUrl, cdn);
  const { db } = openTestCatalog(databaseUrl);
  expect(service.url).toContain('http');
  const entry = {
    kind: 'client',
    actor: 'anybody',
    address: 'a',
    action: 'POST /v1/videos',
    subject: null,
    status: 201,
    requestId: 'r',
  } as const;
  await noteAudit(db, { ...entry, kind: 'operator', actor: 'admin-token' });
  await db.execute(`INSERT INTO audit (kind, actor, address, action, status, request_id)
    SELECT 'client', 'old', 'a', 'POST /v1/videos', 201, 'r' FROM generate_series(1, 10003)`);
  for (let n = 0; n < 3; n += 1) await noteAudit(db, entry);
  const count = await db.execute(
    `SELECT kind, count(*)::int AS count FROM audit GROUP BY kind ORDER BY kind`,
  );
  expect(count).toEqual([
    { kind: 'client', count: 10_000 },
    { kind: 'operator', count: 1 },
  ]);
  expect((await auditEntries(db, { limit: 4 })).map(({ actor }) => actor)).toEqual([
    'anybody',
    'anybody',
    'anybody',
    'old',
  ]);
});

test('segue keys and segue audit, for people and for programs', async () => {
  await using service = await startService(await postgres.createDatabase(), cdn);
  const access = { server: service.url, token: adminToken };
  const run = async (
    command: (output: { out: (t: string) => void; err: (t: string) => void }) => Promise<number>,
  ) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await command({ out: (text) => out.push(text), err: (text) => err.push(text) });
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  expect((await run((output) => listKeys(access, output))).err).toContain('everybody');
  const made = await run((output) => createKey('a name', { ...access, json: true }, output));
  const { id } = JSON.parse(made.out) as { id: string };
  expect((await run((output) => createKey('b', { ...access, role: 'king' }, output))).code).toBe(2);
  expect((await run((output) => listKeys(access, output))).out).toMatch(
    new RegExp(`^${id}  client .*never  a name$`),
  );
  expect((await run((output) => revokeKey(id, access, output))).out).toContain('revoked');
  expect((await run((output) => revokeKey('key-none', access, output))).code).toBe(1);
  const log = await run((output) => audit(access, output));
  expect(log.out).toMatch(new RegExp(`DELETE /v1/keys/:id  ${id}`));
  expect((await run((output) => audit({ ...access, limit: 'x' }, output))).code).toBe(2);
});
