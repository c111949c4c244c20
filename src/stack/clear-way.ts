import { setTimeout as delay } from 'node:timers/promises';
import type { StackConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { isAlive, signalTo } from '../ops/process-identity.ts';
import { isPortFree } from './ports.ts';
import type { ProcessRecord } from './process-record.ts';

/** Ends what a killed run left. PostgreSQL is not in the record: it is recognised by its data folder, and ended gently. */
export async function endLeftovers(record: ProcessRecord, log: Log): Promise<void> {
  const left = await record.leftovers();
  for (const { pid } of left) {
    log.info({ child: pid }, 'ending a process that an earlier run left');
    signalTo(-pid, 'SIGKILL');
  }
  for (let tries = 0; tries < 100 && left.some(isAlive); tries += 1) await delay(50);
}

/**
 * The port that the playlist service was given, which must be free; 0 for any.
 * @throws SegueError `configuration` when it is not, or HOST is no address of this machine.
 */
export async function playlistsPort(config: StackConfig): Promise<number> {
  const free = await isPortFree(config.port, config.host).catch((error: unknown) => {
    throw new SegueError('configuration', `HOST ${config.host} cannot be listened on`, {
      cause: error,
      hint: 'Set HOST to an address of this machine: 127.0.0.1 for yourself, 0.0.0.0 for everybody.',
    });
  });
  if (free) return config.port;
  throw new SegueError('configuration', `Port ${config.port} is in use`, {
    hint: `Choose another one: PORT=${config.port + 1} npm start`,
  });
}
