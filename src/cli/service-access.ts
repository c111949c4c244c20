import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cliConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { ask, read } from './http.ts';

/** Where a command finds the playlist service, and what opens the operators' part of it. */
export interface ServiceAccess {
  /** Without a trailing slash. */
  readonly server: string;
  readonly token: string;
}

/**
 * Address and admin token: as given, else from SEGUE_URL and SEGUE_ADMIN_TOKEN, else those of the embedded stack on this machine.
 * @throws SegueError `configuration`
 */
export async function serviceAccess(given: {
  readonly server?: string | undefined;
  readonly token?: string | undefined;
}): Promise<ServiceAccess> {
  const config = cliConfig();
  const server = serverOf(given.server);
  const token = given.token ?? config.adminToken ?? (await embeddedToken(config.dataFolder));
  return { server, token };
}

/** The admin token as {@link serviceAccess} finds it; undefined where there is none: what everybody may ask needs no token. */
export async function tokenIfAny(given: string | undefined): Promise<string | undefined> {
  const config = cliConfig();
  return given ?? config.adminToken ?? (await embeddedToken(config.dataFolder).catch(() => undefined));
}

/** Address of the playlist service, without a trailing slash: as given, else from SEGUE_URL, else this machine. @throws SegueError `configuration` */
export function serverOf(given: string | undefined): string {
  const server = given ?? cliConfig().url;
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw new SegueError('configuration', `--server ${server} is not an http(s) URL`);
  return server.replace(/\/+$/, '');
}

async function embeddedToken(dataFolder: string): Promise<string> {
  const file = join(dataFolder, 'admin-token');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new SegueError('configuration', 'This needs the admin token, and none was found', {
      cause: error,
      hint: `Give it with --token or SEGUE_ADMIN_TOKEN. The embedded stack keeps it in ${file}: start it with \`npm start\`.`,
    });
  }
}

/** Asks an operators' route. @throws SegueError as the service says, or `no_node` when nothing answers */
export async function askAsAdmin<T>(
  { server, token }: ServiceAccess,
  path: string,
  schema: z.ZodType<T>,
  init: Pick<RequestInit, 'method' | 'body'> & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<T> {
  const headers = { ...init.headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await ask(`${server}${path}`, AbortSignal.timeout(answerMs), { ...init, headers });
  return read(answer, schema);
}

/** The text of a long answer, as it comes. @throws SegueError as {@link askAsAdmin}, and `no_node` where it breaks off */
export async function* streamAsAdmin({ server, token }: ServiceAccess, path: string): AsyncGenerator<string> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await ask(`${server}${path}`, AbortSignal.timeout(longMs), { headers }, longMs);
  if (!answer.ok || answer.body === null) await read(answer, z.never());
  else yield* whole(answer.body.pipeThrough(new TextDecoderStream()), server);
}

async function* whole(text: ReadableStream<string>, server: string): AsyncGenerator<string> {
  try {
    yield* text;
  } catch (error) {
    throw brokenOff(server, error);
  }
}

/** What a long answer is that does not come to its end. */
export const brokenOff = (server: string, cause?: unknown): SegueError =>
  new SegueError('no_node', `${server} broke its answer off`, {
    cause,
    hint: 'What has come is a part only. Run it again; the log of the service says why.',
  });

const longMs = 600_000;

/** Nothing that operators ask takes longer, in milliseconds. */
const answerMs = 30_000;
