import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chmod, chown, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '../ops/errors.ts';
import { exitOf } from './part.ts';

/** How PostgreSQL's programs are started so that they do not run as root, which they refuse. */
export type Account =
  | { readonly kind: 'self' }
  /** Root, inside a user namespace in which it has another number: it keeps every right on its own files. */
  | { readonly kind: 'namespace' }
  /** Root, become another user. */
  | { readonly kind: 'user'; readonly name: string; readonly uid: number; readonly gid: number };

/** Starts a program under an account. The process number is that of the program itself in every case. */
export function spawnAs(
  account: Account,
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  switch (account.kind) {
    case 'self':
      return spawn(program, args, options);
    case 'namespace':
      return spawn('unshare', ['-U', '--map-user=1000', '--map-group=1000', '--', program, ...args], options);
    case 'user':
      return spawn(program, args, { ...options, uid: account.uid, gid: account.gid });
    default:
      throw new TypeError(`unknown account ${String(account satisfies never)}`);
  }
}

/** Runs a program to its end. @throws Error with its last words when it fails. */
export async function runAs(account: Account, program: string, args: readonly string[]): Promise<void> {
  const child = spawnAs(account, program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  let words = '';
  const listen = (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2000);
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  const exit = await exitOf(child);
  if (exit !== 'exit code 0') throw new Error(`${program} ended with ${exit}: ${words.trim()}`);
}

async function works(account: Account, program: string, folder: string): Promise<string | undefined> {
  try {
    await runAs(account, program, ['--version']);
    await runAs(account, '/bin/sh', ['-c', 'test -w "$0" && test -x "$0"', folder]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function users(): Promise<Account[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  return ['postgres', 'nobody'].flatMap((name) => {
    const entry = lines.find((fields) => fields[0] === name);
    const uid = Number(entry?.[2]);
    const gid = Number(entry?.[3]);
    return uid > 0 && gid > 0 ? [{ kind: 'user' as const, name, uid, gid }] : [];
  });
}

/** Gives a folder and all below it to a user. */
async function giveTo(path: string, uid: number, gid: number): Promise<void> {
  const about = await lstat(path);
  if (about.uid !== uid) await chown(path, uid, gid);
  if (!about.isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(join(path, name), uid, gid);
}

/**
 * Chooses the account that PostgreSQL runs under and makes it the owner of `folder`: this process's own user unless that is
 * root; as root a user namespace where the system allows one, else the user `postgres` or `nobody`.
 * @param parent the data folder that holds `folder`; it may have to be opened for passing through.
 * @throws SegueError `configuration` when nothing works, with the way out.
 */
export async function chooseAccount(
  program: string,
  folder: string,
  parent: string,
  candidates?: readonly Account[],
): Promise<Account> {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  const reasons: string[] = [];
  for (const account of candidates ?? [{ kind: 'namespace' } as const, ...(await users())]) {
    if (account.kind === 'user') {
      await chmod(parent, 0o711);
      await giveTo(folder, account.uid, account.gid);
    } else {
      await giveTo(folder, 0, 0);
    }
    const problem = await works(account, program, folder);
    if (problem === undefined) return account;
    reasons.push(`${account.kind === 'user' ? `user ${account.name}` : account.kind}: ${problem}`);
  }
  throw new SegueError(
    'configuration',
    'PostgreSQL does not run as root, and no other account could be used',
    {
      problems: reasons,
      hint: 'Run Segue as an ordinary user, or put SEGUE_DATA and the project where every user may pass through, or set DATABASE_URL.',
    },
  );
}
