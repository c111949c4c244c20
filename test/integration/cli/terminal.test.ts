import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { startTestNode, type TestNode } from '../playlists/node.ts';
import { adminToken, description, post, secret, startService } from '../playlists/setup.ts';
import { environmentOf, has, root, start } from './kit.ts';

let postgres: TestPostgres;
let service: Awaited<ReturnType<typeof startService>>;
let node: TestNode;
let env: NodeJS.ProcessEnv;
let id: string;

beforeAll(async () => {
  postgres = sharedPostgres();
  const databaseUrl = await postgres.createDatabase();
  service = await startService(databaseUrl, 'https://cdn.example', { leaseSeconds: 5 });
  node = await startTestNode({ id: 'node-a', databaseUrl, secret, leaseSeconds: 5 });
  ({ id } = await post(service.url, description(8)));
  env = { ...environmentOf({ url: service.url, dataFolder: '/nowhere' }), SEGUE_ADMIN_TOKEN: adminToken };
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await postgres?.stop();
});

/** `segue` on a terminal of its own: script(1) of util-linux makes one. */
function onTerminal(size: { rows: number; columns: number }, ...args: string[]) {
  const command = `stty rows ${size.rows} cols ${size.columns}; exec '${process.execPath}' src/cli/main.ts ${args.join(' ')}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: root, env, stdio: 'pipe' });
  const seen = { text: '' };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    seen.text += piece;
  });
  // Not its exit: what it has written may come after that.
  const closed = once(child, 'close');
  const ended = closed.then(() => child.exitCode);
  return { seen, ended, type: (keys: string) => child.stdin.write(keys) };
}

const [open, close, frame] = ['\u001B[?1049h', '\u001B[?1049l', '\u001B[?2026h'];
const skipTerminal = has('script') ? false : 'there is no script(1)';
if (skipTerminal) process.stderr.write(`skipped: ${skipTerminal}\n`);

describe.skipIf(skipTerminal)('on a terminal', () => {
  it.each([
    ['q', 80],
    ['\u0003', 140],
  ])('top shows nodes and videos, fits, and gives the terminal back on %j', async (key, columns) => {
    const { seen, ended, type } = onTerminal({ rows: 24, columns }, 'top', '--interval', '0.2s');
    await until(() => seen.text.split(frame).length > 3, {
      what: 'it has drawn some times',
      timeout: 60_000,
    });
    type(key);
    expect(await ended).toBe(0);
    expect(seen.text.split(open)).toHaveLength(2);
    expect(seen.text.trimEnd().endsWith(close)).toBe(true);
    const last = stripVTControlCharacters(seen.text.split(frame).at(-1) ?? '');
    const lines = last.replaceAll('\r', '').split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(lines.join('\n')).toMatch(/\nnode-a +ready +\S/);
    expect(lines.join('\n')).toContain(columns > 100 ? id : id.slice(0, 12));
  });

  it('tables fit and have colours, unless NO_COLOR forbids them', async () => {
    const coloured = onTerminal({ rows: 24, columns: 80 }, 'videos');
    expect(await coloured.ended).toBe(0);
    const lines = stripVTControlCharacters(coloured.seen.text).trim().split('\r\n');
    expect(coloured.seen.text).toContain('\u001B[');
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    env['NO_COLOR'] = '1';
    try {
      const plain = onTerminal({ rows: 24, columns: 80 }, 'videos');
      expect(await plain.ended).toBe(0);
      expect(plain.seen.text).not.toContain('\u001B[');
      expect(plain.seen.text).toContain(id.slice(0, 12));
    } finally {
      delete env['NO_COLOR'];
    }
  });
});

/** A line of each shell that says what would be completed, one a line. */
const tries: Readonly<Record<string, (script: string, words: readonly string[]) => string[]>> = {
  bash: (script, words) => [
    '-c',
    `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _segue; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    script,
    ...words,
  ],
  // The functions that would show what is found print it instead.
  zsh: (script, words) => [
    '-fc',
    `compdef() { :; }; _describe() { print -l -- "\${described[@]%%:*}"; }; _files() { print -l -- *; }
    script=$1; shift; source $script; words=("$@"); CURRENT=$#; _segue`,
    'zsh',
    script,
    ...words,
  ],
  fish: (script, words) => [
    '-Nc',
    `source '${script}'; complete -C '${words.join(' ')}' | string replace -r '\\t.*' ''`,
  ],
};

describe.each(Object.keys(tries))('completion in %s', (shell) => {
  const missing = has(shell) ? false : `there is no ${shell}`;
  if (missing) process.stderr.write(`skipped: ${missing}\n`);

  it.skipIf(missing)(
    'completes commands, options, values and ids, and runs nothing that is typed',
    async () => {
      await using folder = await temporaryFolder();
      const script = join(folder.path, `segue.${shell}`);
      const printed = await start(env, 'completion', shell).ended;
      expect([printed.code, printed.err]).toEqual([0, '']);
      await writeFile(script, printed.out);
      await writeFile(join(folder.path, 'film.json'), '{}');
      /** What is found; a shell that finds nothing may call that a failure. */
      const complete = async (...words: string[]): Promise<string[]> => {
        const args = tries[shell]?.(script, ['segue', ...words]) ?? [];
        const child = spawn(shell, args, { env, cwd: folder.path, stdio: ['ignore', 'pipe', 'inherit'] });
        return (await text(child.stdout)).split('\n').filter((line) => line !== '');
      };
      expect(await complete('st')).toEqual(expect.arrayContaining(['status', 'streams']));
      expect(await complete('status', '--wa')).toEqual(['--wait']);
      expect(await complete('videos', '--state', 'sto')).toEqual(['stored']);
      // What the service does not say within a second is left out.
      for (const [words, found] of [
        [['drain', 'no'], 'node-a'],
        [['status', id.slice(0, 4)], id],
      ] as const) {
        const look = async () => {
          expect(await complete(...words)).toEqual([found]);
          return true;
        };
        await until(look, { what: `${words.join(' ')} is completed`, timeout: 60_000 });
      }
      expect(await complete('make', 'fi')).toContain('film.json');
      expect(await complete('status', '$(touch${IFS}made)', '`touch${IFS}made`', '')).toEqual([]);
      expect(await complete('make', '')).not.toContain('made');
    },
  );

  it.skipIf(missing)('says nothing where the service does not answer', async () => {
    const { code, out, err } = await start(
      { ...env, SEGUE_URL: 'http://127.0.0.1:1' },
      'complete',
      '--',
      'drain',
      '',
    ).ended;
    expect([code, out, err]).toEqual([0, '', '']);
  });
});
