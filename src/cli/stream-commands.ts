import type { Command } from 'commander';
import { type ExitCode, processOutput } from './output.ts';
import type { CreateOptions, StreamsOptions } from './streams.ts';

/** What `segue streams --help` says after the options. */
const help = `
A stream is HLS that another program renders. Its key is the right to send it; whoever has none can only watch.

--json prints one object a line: {event: "created", id, url, key, ingest: [URL]} (send below the first URL; the others are
those of further nodes), {event: "stream", id, url, name, state, failure, window, createdAt}.`;

/** Adds `segue streams create|list|end`. */
export function addStreams(program: Command, ended: (code: ExitCode) => void): void {
  const streams = program
    .command('streams')
    .description('make, list and end streams that other programs render')
    .addHelpText('after', () => help);
  const add = (name: string, description: string): Command =>
    streams
      .command(name)
      .description(description)
      .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
      .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
      .option('--json', 'print JSON, one object a line');
  add('create', 'make a stream; prints where to watch it, its key, and where to send')
    .option('--name <text>', 'a name for people')
    .option('--window <seconds>', 'how much stays listed (default: everything)')
    .option('--target-duration <seconds>', 'what no segment will exceed (default: as the source says)')
    .action(async (options: CreateOptions) =>
      ended(await (await import('./streams.ts')).create(options, processOutput)),
    );
  add('list', 'the newest streams').action(async (options: StreamsOptions) =>
    ended(await (await import('./streams.ts')).list(options, processOutput)),
  );
  add('end <id>', 'end a stream: its key opens nothing any more').action(
    async (id: string, options: StreamsOptions) =>
      ended(await (await import('./streams.ts')).end(id, options, processOutput)),
  );
}
