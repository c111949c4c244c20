import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../src/stack/ports.ts';
import { type Field, smallDescription, startField } from '../faults/kit.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';

// A real Prometheus with the files of infra/: what it scrapes, computes and fires.

const isHere = spawnSync('prometheus', ['--version']).error === undefined;
if (!isHere) process.stdout.write('skipped: Prometheus is not installed here\n');

const infra = new URL('../../infra/', import.meta.url);
let field: Field;
let folder: TemporaryFolder;
let url: string;
let stop: () => Promise<unknown> = () => Promise.resolve();
beforeAll(async () => {
  if (!isHere) return;
  // A busy machine is not to look like a dead node.
  field = await startField({ env: { SEGUE_LEASE_SECONDS: '10' } });
  folder = await temporaryFolder();
  const text = await readFile(new URL('prometheus/prometheus.yml', infra), 'utf8');
  const token = join(folder.path, 'token');
  await writeFile(token, field.stack.adminToken);
  await copyFile(new URL('prometheus/alerts.yml', infra), join(folder.path, 'alerts.yml'));
  await writeFile(
    join(folder.path, 'prometheus.yml'),
    text
      .replaceAll('127.0.0.1:8080', new URL(field.stack.url).host)
      .replace('/etc/prometheus/segue-admin-token', token)
      .replaceAll('15s', '1s'),
  );
  const listen = `127.0.0.1:${await freePort('127.0.0.1')}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=${listen}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = once(child, 'exit');
  stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  url = `http://${listen}`;
  await until(async () => (await fetch(`${url}/-/ready`)).ok, {
    what: 'Prometheus is ready',
    timeout: 60_000,
  });
});
afterAll(async () => {
  await stop();
  await folder?.[Symbol.asyncDispose]();
  await field?.[Symbol.asyncDispose]();
});

const ask = async (path: string): Promise<unknown> => (await fetch(`${url}/api/v1/${path}`)).json();
const resultSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});
const query = async (expr: string): Promise<number[]> => {
  const answer = await ask(`query?query=${encodeURIComponent(expr)}`);
  return resultSchema
    .parse(answer, { error: () => `${expr}: ${JSON.stringify(answer)}` })
    .data.result.map(({ value }) => Number(value[1]));
};
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            name: z.string(),
            health: z.string(),
            state: z.string().optional(),
            lastError: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});
const rules = async () => rulesSchema.parse(await ask('rules')).data.groups.flatMap((group) => group.rules);

test.skipIf(!isHere)('every process is found and scraped, and every panel has its figures', async () => {
  const { id } = await field.post(smallDescription(20));
  await (await fetch(`${field.stack.url}/v/${id}/180p/3.m4s`)).arrayBuffer();
  await field.reach(id, 'all is stored', ({ state }) => state === 'stored');
  await until(async () => (await query('sum(up{job=~"segue-.*"})'))[0] === 3, {
    what: 'three targets are up',
    timeout: 60_000,
  });
  const { panels } = z
    .object({
      panels: z.array(
        z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).default([]) }),
      ),
    })
    .parse(JSON.parse(await readFile(new URL('grafana/segue.json', infra), 'utf8')));
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      const asked = expr
        .replaceAll('$instance', '.*')
        .replaceAll('$__rate_interval', '1m')
        .replace(/ > 0$/, '');
      await until(async () => (await query(asked)).length > 0, {
        what: `${title} has a figure: ${asked}`,
        timeout: 60_000,
      });
    }
});

test.skipIf(!isHere)('every rule can be computed, and nothing fires while all is well', async () => {
  const all = await until(
    async () => {
      const seen = await rules();
      return seen.length > 20 && seen.every(({ health }) => health !== 'unknown') ? seen : undefined;
    },
    { what: 'every rule was evaluated', timeout: 60_000 },
  );
  expect(all.filter(({ health }) => health !== 'ok')).toEqual([]);
  expect(all.filter(({ state }) => state === 'firing')).toEqual([]);
});

test.skipIf(!isHere)('a node that is gone under its viewers is told of', async () => {
  const { id } = await field.post(smallDescription(200, 2));
  await (await fetch(`${field.stack.url}/v/${id}/180p/0.m4s`)).arrayBuffer();
  const playedAt = performance.now();
  const holder = await field.holder(id);
  // Others take over what somebody watches, as far as a node has told.
  await until(
    async () => {
      const text = await (await fetch(`${field.stack.urlOf(holder)}/metrics`)).text();
      const age = Number(/^segue_heartbeat_age_seconds (\S+)/m.exec(text)?.[1]);
      return age < (performance.now() - playedAt) / 1000 - 0.5;
    },
    { what: 'the holder has told that somebody watches', timeout: 60_000, every: 200 },
  );
  const pid = field.stack.pidOf(holder);
  process.kill(pid, 'SIGSTOP');
  try {
    await until(
      async () => (await rules()).some(({ name, state }) => name === 'SegueTakeovers' && state === 'firing'),
      { what: 'the alert fires', timeout: 180_000 },
    );
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});
