import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { TestStack } from './stack.ts';
import { until } from './wait.ts';

/**
 * Replaces the playlist service of a stack as docs/OPERATING.md says, so that no connection is ever refused: another one listens on
 * the same port before the first one stops. The stack needs `SEGUE_SHARE_PORT`.
 */
export async function replacePlaylists(stack: TestStack): Promise<void> {
  const first = stack.pidOf('playlists');
  const variables = readFileSync(`/proc/${first}/environ`, 'utf8')
    .split('\0')
    // The channel to the stack is the first one's.
    .filter((line) => !line.startsWith('NODE_CHANNEL'));
  const env = Object.fromEntries(variables.map((line) => line.split(/=(.*)/s, 2)));
  const second = spawn(process.execPath, ['src/cli/main.ts', 'playlists'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(second, 'exit');
  try {
    await new Promise<void>((resolve) => {
      createInterface({ input: second.stderr }).on('line', (line) => {
        if (line.includes('"listening"')) resolve();
      });
    });
    process.kill(first, 'SIGTERM');
    // The stack starts another one in its place.
    await stack.restarted('playlists', first);
    // On a shared port anybody may answer for it: it is there when it says so itself.
    const listening = new RegExp(`"pid":${stack.pidOf('playlists')},[^\\n]*"listening"`);
    await until(() => listening.test(stack.log()), { what: 'the new one listens', timeout: 60_000 });
  } finally {
    second.kill('SIGTERM');
    await exited;
  }
}
