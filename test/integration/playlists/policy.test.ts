import { afterAll, beforeAll, expect, test } from 'vitest';
import { policy } from '../../../src/cli/policy.ts';
import { defaultPolicy } from '../../../src/policy/policy.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { adminToken, startService } from './setup.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

test('operators read and replace the policy; what is wrong is named, and changes nothing', async () => {
  await using service = await startService(await postgres.createDatabase(), 'https://cdn.example');
  const url = `${service.url}/v1/policy`;
  const headers = { authorization: `Bearer ${adminToken}` };
  const put = (body: string) => fetch(url, { method: 'PUT', headers, body });
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(url, { method: 'PUT', body: '{}' })).status).toBe(401);
  expect(await (await fetch(url, { headers })).json()).toEqual(defaultPolicy);
  const set = await put('{"replicas": {"mode": "copy"}}');
  expect(set.status).toBe(200);
  const copy = { ...defaultPolicy, replicas: { mode: 'copy', expectTroubleUntil: null } };
  expect(await set.json()).toEqual(copy);
  const wrong = await put('{"replicas": {"mode": "twice"}, "trouble": {"diskUsed": 90}, "replica": 1}');
  expect(wrong.status).toBe(400);
  expect(JSON.stringify(await wrong.json())).toMatch(/replicas\.mode.*trouble\.diskUsed.*replica/);
  expect((await put('no json')).status).toBe(400);
  expect((await put(`"${'x'.repeat(300_000)}"`)).status).toBe(413);
  expect(await (await fetch(url, { headers })).json()).toEqual(copy);
});

test('a policy can be checked without being set', async () => {
  await using service = await startService(await postgres.createDatabase(), 'https://cdn.example');
  const url = `${service.url}/v1/policy/check`;
  const headers = { authorization: `Bearer ${adminToken}` };
  const check = async (body: string) => {
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    return answer.json();
  };
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
  expect(await check('{"trouble": {"failures": 0.5}}')).toEqual({
    problems: [],
    policy: { ...defaultPolicy, trouble: { ...defaultPolicy.trouble, failures: 0.5 } },
  });
  const wrong = await check('{"replicas": {"mode": "twice"}, "trouble": {"diskUsed": 90}}');
  expect(wrong).toEqual({
    problems: [
      expect.stringMatching(/^replicas\.mode: /) as string,
      expect.stringMatching(/^trouble\.diskUsed: /) as string,
    ],
    policy: null,
  });
  expect(await check('{')).toEqual({
    problems: [expect.stringContaining('line 1') as string],
    policy: null,
  });
  const set = await fetch(`${service.url}/v1/policy`, { headers });
  expect(await set.json(), 'nothing has changed').toEqual(defaultPolicy);
});

test('segue policy shows and changes it, for people and for programs', async () => {
  await using service = await startService(await postgres.createDatabase(), 'https://cdn.example');
  const run = async (changes: string[], options = {}) => {
    const out: string[] = [];
    const err: string[] = [];
    const output = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
    const code = await policy(changes, { server: service.url, token: adminToken, ...options }, output);
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  expect(await run([])).toMatchObject({
    code: 0,
    out: expect.stringContaining('replicas.mode=on-trouble') as string,
  });
  const changed = await run(['replicas.mode=none', 'trouble.diskUsed=0.8'], { json: true });
  expect(JSON.parse(changed.out)).toMatchObject({
    replicas: { mode: 'none' },
    trouble: { diskUsed: 0.8, failures: 0.3 },
  });
  const expected = await run([], { expectTrouble: '10m' });
  expect(expected.out).toMatch(/replicas\.expectTroubleUntil=\d{4}-/);
  expect(expected.out).toContain('replicas.mode=none');
  expect(expected.err, 'it is told that this has no effect').toContain('none');
  const unknown = await run(['replica.mode=copy']);
  expect(unknown.code).not.toBe(0);
  expect(unknown.err).toContain('replicas.mode');
  const wrong = await run(['replicas.mode=some']);
  expect(wrong.code).not.toBe(0);
  expect(wrong.err).toContain('replicas.mode');
  // As diff(1): 0 and 1 say whether something differs, 2 that nobody knows.
  expect((await run(['diff', '1'])).code).toBe(1);
  expect((await run(['diff', '2'])).code).toBe(0);
  for (const unknown of ['nothing.yaml', '99']) expect((await run(['diff', unknown])).code, unknown).toBe(2);
  expect((await run(['diff', '1'], { server: 'http://127.0.0.1:1' })).code).toBe(2);
});
