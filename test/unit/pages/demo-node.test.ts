import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type DemoNode, demoRoutes } from '../../../playlists/pages/demo-node.ts';
import { errorBody, SegueError, statusOf } from '../../../src/ops/errors.ts';

const here = 'this-machine';

function appOf(list: readonly DemoNode[], kill?: (pid: number) => void, localOnly = false) {
  const input = { nodes: async () => list, host: here, localOnly };
  const app = demoRoutes({ ...input, ...(kill === undefined ? {} : { kill }) });
  app.onError((error, c) =>
    c.json(errorBody(error), error instanceof SegueError ? statusOf(error.code) : 500),
  );
  return app;
}

const node = (id: string, pid: number, host = here): DemoNode => ({ id, pid, host, state: 'ready' });
const post = { method: 'POST', headers: { origin: 'http://localhost:8080', host: 'localhost:8080' } };

describe('kill button of the demo', () => {
  it('tells which nodes can be killed: those of this machine', async () => {
    const answer = await appOf([node('a', 11), node('b', 12, 'elsewhere')]).request('/demo/nodes');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      nodes: [
        { id: 'a', pid: 11, state: 'ready', killable: true },
        { id: 'b', pid: 12, state: 'ready', killable: false },
      ],
    });
  });

  it('kills a real process at once', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    const answer = await appOf([node('a', child.pid ?? 0)]).request('/demo/nodes/a/kill', post);
    expect(answer.status).toBe(200);
    expect(await exited).toEqual([null, 'SIGKILL']);
    // The catalog may still list it for a moment.
    const again = await appOf([node('a', child.pid ?? 0)]).request('/demo/nodes/a/kill', post);
    expect(again.status).toBe(404);
  });

  it.each([
    ['another site', { ...post.headers, origin: 'https://evil.example' }],
    ['another port', { ...post.headers, origin: 'http://localhost:9090' }],
    ['no origin', { host: 'localhost:8080' }],
    ['a sandboxed frame', { ...post.headers, origin: 'null' }],
  ])('refuses %s', async (_, headers) => {
    const killed: number[] = [];
    const app = appOf([node('a', 11)], (pid) => killed.push(pid));
    const answer = await app.request('/demo/nodes/a/kill', { method: 'POST', headers });
    expect(answer.status).toBe(401);
    expect(killed).toEqual([]);
  });

  it('refuses a site whose name was led to this machine, where only this machine is served', async () => {
    const led = { origin: 'http://evil.example:8080', host: 'evil.example:8080' };
    const killed: number[] = [];
    const kill = async (headers: Record<string, string>, localOnly: boolean): Promise<number> => {
      const app = appOf([node('a', 11)], (pid) => killed.push(pid), localOnly);
      return (await app.request('/demo/nodes/a/kill', { method: 'POST', headers })).status;
    };
    expect(await kill(led, true)).toBe(401);
    expect(killed).toEqual([]);
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
      expect(await kill({ origin: `http://${host}`, host }, true), host).toBe(200);
    // Elsewhere the operator has switched it on, and its name is a name.
    expect(await kill(led, false)).toBe(200);
  });

  it.each([['elsewhere'], ['unknown']])('does not kill a node that is %s', async (id) => {
    const killed: number[] = [];
    const app = appOf([node('elsewhere', 11, 'elsewhere')], (pid) => killed.push(pid));
    expect((await app.request(`/demo/nodes/${id}/kill`, post)).status).toBe(404);
    expect(killed).toEqual([]);
  });

  it.each([[0], [-1], [1], [1.5]])('never signals process %d: a group, or init', async (pid) => {
    expect((await appOf([node('a', pid)]).request('/demo/nodes/a/kill', post)).status).toBe(500);
  });
});
