import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { TestStack } from '../../support/stack.ts';

/** The folder of the project. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a command said. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The environment in which commands find a stack, and show no colours of whoever runs the tests. */
export function environmentOf(stack: Pick<TestStack, 'url' | 'dataFolder'>): NodeJS.ProcessEnv {
  // Node takes a terminal where CI is set for one without colours, unless it knows that CI by name.
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_DISABLE_COLORS: ___, CI: ____, ...env } = process.env;
  return { ...env, SEGUE_URL: stack.url, SEGUE_DATA: stack.dataFolder, TERM: 'xterm-256color' };
}

/** Starts `segue` with these arguments. */
export function start(env: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args], { cwd: root, stdio: 'pipe', env });
  child.stdin.end();
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return {
    child,
    ended: ended.then(([out, err]): Ended => ({ code: child.exitCode, out, err })),
  };
}

/** Whether this machine has a program. */
export const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
