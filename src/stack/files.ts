import { randomBytes } from 'node:crypto';
import { chmod, open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { parseJson } from '../ops/json.ts';

/** Writes a file whole or not at all, readable by its owner only: temporary name, fsync, rename. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Text of a file; undefined when it does not exist. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const secretsSchema = z.object({
  secret: z.string().min(32),
  adminToken: z.string().min(16),
  bucketKeyId: z.string().min(1),
  bucketKey: z.string().min(1),
});

/** The secrets that the stack makes for itself, once, and keeps in `secrets.json` of the data folder. */
export type StackSecrets = z.infer<typeof secretsSchema>;

const token = (bytes: number) => randomBytes(bytes).toString('base64url');

/**
 * Reads the secrets of a data folder, or makes them.
 * @throws SegueError `configuration` when the file is damaged: making new ones would orphan every video id.
 */
export async function loadSecrets(path: string): Promise<StackSecrets> {
  const text = await readIfThere(path);
  if (text === undefined) {
    const made = { secret: token(32), adminToken: token(24), bucketKeyId: token(12), bucketKey: token(32) };
    await writePrivate(path, `${JSON.stringify(made, undefined, 2)}\n`);
    return made;
  }
  const parsed = secretsSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new SegueError('configuration', `${path} is damaged`, {
      hint: 'Restore it from a backup. Deleting it makes new secrets: every video then gets a new id and url.',
    });
  }
  await chmod(path, 0o600);
  return parsed.data;
}
