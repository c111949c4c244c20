import type { Command } from 'commander';
import { printable } from '../../ops/printable.ts';
import type { ExitCode } from '../output.ts';
import { oneLine } from '../overview/page.ts';
import { readNodes, videosNamed } from '../overview/service.ts';
import { serviceAccess } from '../service-access.ts';
import { sizeText } from '../size-text.ts';
import { candidatesOf, type Values } from './candidates.ts';
import type { Candidate } from './suggest.ts';

/** Somebody waits with a finger on a key, in milliseconds. */
const answerMs = 1000;
/** Ids of one answer. */
const mostIds = 50;

/** `segue complete -- WORDS`: prints what the last word may become, a line each. What goes wrong is no completion, and says nothing. */
export async function complete(program: Command, words: readonly string[]): Promise<ExitCode> {
  const found = candidatesOf(program, words);
  if ('kind' in found && found.kind === 'file') say(':files');
  else {
    const candidates = 'kind' in found ? await idsOf(found).catch(() => []) : found;
    for (const { value, about } of candidates) say(`${printable(value)}\t${oneLine(about)}`);
  }
  return 0;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Ids that begin so. What a slow service would have said comes too late. */
async function idsOf({ kind, begun, before, given }: Values): Promise<Candidate[]> {
  const late = Promise.withResolvers<Candidate[]>();
  const timer = setTimeout(() => late.resolve([]), answerMs);
  try {
    return await Promise.race([late.promise, read()]);
  } finally {
    clearTimeout(timer);
  }

  async function read(): Promise<Candidate[]> {
    const access = await serviceAccess({ server: given.get('server'), token: given.get('token') });
    if (kind === 'node') {
      const nodes = (await readNodes(access)).filter(({ id }) => id.startsWith(begun));
      return nodes.map(({ id, state, load }) => ({
        value: before + id,
        about: `${state}, ${sizeText(load.diskBytes)}`,
      }));
    }
    const videos = await videosNamed(access, begun, mostIds);
    return videos.map(({ id, state, name, createdAt }) => ({
      value: before + id,
      about: `${state}${name === null ? '' : ` ${name}`}, ${createdAt.slice(0, 16)}`,
    }));
  }
}
