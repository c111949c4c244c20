import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { identitySchema } from '../ops/folder-lock.ts';
import { parseJson } from '../ops/json.ts';
import { identify, isAlive, type ProcessIdentity } from '../ops/process-identity.ts';

const recordSchema = z.array(identitySchema);

/**
 * The processes that the stack has running, kept in a file, so that the next start can end what a killed one left.
 */
export class ProcessRecord {
  readonly #path: string;
  readonly #running = new Map<string, ProcessIdentity>();
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#path = join(folder, 'processes.json');
  }

  /** Processes of an earlier run that still live. */
  async leftovers(): Promise<ProcessIdentity[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '[]');
    const parsed = recordSchema.safeParse(parseJson(text));
    return parsed.success ? parsed.data.filter(isAlive) : [];
  }

  /** Notes that a part runs as this process. */
  async set(name: string, pid: number): Promise<void> {
    const identity = identify(pid);
    if (identity === undefined) this.#running.delete(name);
    else this.#running.set(name, identity);
    const text = JSON.stringify([...this.#running.values()]);
    this.#writing = this.#writing.then(() => writeFile(this.#path, text, { mode: 0o600 }));
    await this.#writing;
  }
}
