import { z } from 'zod';
import { type Role, roles } from '../catalog/api-key.ts';
import { SegueError } from '../ops/errors.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, serviceAccess } from './service-access.ts';

/** Options of every `segue keys` command. */
export interface KeysOptions {
  /** Print JSON, one object a line. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

/** Options of `segue keys create`, as the command line gives them. */
export interface CreateKeyOptions extends KeysOptions {
  readonly role?: string;
}

const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  createdAt: z.string(),
  createdBy: z.string(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
type ListedKey = z.output<typeof keySchema>;

/** `segue keys create NAME`: makes a key, and shows it this once. */
export const createKey = (name: string, options: CreateKeyOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () => {
    const role = roleOf(options.role);
    const made = await askAsAdmin(
      await serviceAccess(options),
      '/v1/keys',
      keySchema.extend({ key: z.string() }),
      { method: 'POST', body: JSON.stringify({ name, role }) },
    );
    if (options.json === true) return output.out(JSON.stringify({ event: 'created', ...made }));
    output.out(`id    ${made.id}`);
    output.out(`key   ${made.key}   (shown this once)`);
    if (role === 'client') output.err('From now on only those who have a key may post videos.');
  });

/** `segue keys list`: the keys, without themselves. */
export const listKeys = (options: KeysOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () => {
    const schema = z.object({ keys: z.array(keySchema) });
    const { keys } = await askAsAdmin(await serviceAccess(options), '/v1/keys', schema);
    for (const key of keys) show(key, options, output);
    if (keys.length === 0 && options.json !== true)
      output.err('There are no keys: everybody who reaches the service may post videos');
  });

/** `segue keys revoke ID`: it opens nothing any more. */
export const revokeKey = (id: string, options: KeysOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () => {
    const access = await serviceAccess(options);
    const path = `/v1/keys/${encodeURIComponent(id)}`;
    show(await askAsAdmin(access, path, keySchema, { method: 'DELETE' }), options, output);
  });

function show(key: ListedKey, { json }: KeysOptions, output: Output): void {
  if (json === true) return output.out(JSON.stringify({ event: 'key', ...key }));
  const state = key.revokedAt === null ? `used ${key.lastUsedAt ?? 'never'}` : `revoked ${key.revokedAt}`;
  output.out(`${key.id}  ${key.role.padEnd(6)}  ${key.createdAt}  ${state}  ${key.name}`);
}

async function command({ json }: KeysOptions, output: Output, work: () => Promise<void>): Promise<ExitCode> {
  try {
    await work();
    return 0;
  } catch (error) {
    return reportError(error, output, json === true);
  }
}

function roleOf(text = 'client'): Role {
  const role = roles.find((one) => one === text);
  if (role !== undefined) return role;
  throw new SegueError('configuration', `--role ${text} is no role`, {
    hint: `Give one of ${roles.join(', ')}.`,
  });
}
