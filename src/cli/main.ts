#!/usr/bin/env -S node --max-semi-space-size=1 --optimize-for-size
import '../catalog/drizzle-format.ts';
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { z } from 'zod';
import { profileNames } from '../render/profile-names.ts';
import { addCompletion } from './completion/commands.ts';
import { optionWith } from './completion/suggest.ts';
import { addCopies } from './copy-commands.ts';
import type { DrainOptions } from './drain.ts';
import {
  doctorHelp,
  drainHelp,
  makeHelp,
  nodeHelp,
  playlistsHelp,
  reconcileHelp,
  upHelp,
  verifyHelp,
} from './help.ts';
import { policyHelp } from './help-policy.ts';
import { addIngest } from './ingest-command.ts';
import { addKeys } from './key-commands.ts';
import type { MakeCommandOptions } from './make.ts';
import type { NodeOptions } from './node.ts';
import { type ExitCode, processOutput, reportError } from './output.ts';
import { addOverview } from './overview/commands.ts';
import type { PolicyOptions } from './policy.ts';
import { policyWords } from './policy-verbs.ts';
import type { ReconcileCommandOptions } from './reconcile.ts';
import { addSimulate } from './simulate-command.ts';
import { addStreams } from './stream-commands.ts';
import type { VerifyCommandOptions } from './verify.ts';

// Each command is imported when it is called, so that a process loads, and keeps in memory, only what it needs.

const packageSchema = z.object({ version: z.string() });
const packageFile = new URL('../../package.json', import.meta.url);

type Options = { json?: boolean };
type AddCommand = (name: string, description: string) => Command;
/** Notes how a command ended. */
type Ended = (code: ExitCode) => void;

const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** Commands that run until they are told to stop, and the look at what they need. */
function addServices(command: AddCommand, ended: Ended): void {
  command('up', 'start everything on this machine: database, bucket, playlist service and two nodes')
    .addHelpText('after', () => upHelp)
    .action(async (options: Options) => ended(await (await import('./up.ts')).up(options, processOutput)));
  command('playlists', 'run the playlist service, which takes descriptions, lists and serves')
    .addHelpText('after', () => playlistsHelp)
    .action(async (options: Options) =>
      ended(await (await import('./playlists.ts')).playlists(options, processOutput)),
    );
  command('node', 'run a node, which renders and holds segments')
    .option(
      '--adopt <folder>',
      "take over a dead node's disk, mounted here; again for further ones",
      repeated,
    )
    .addHelpText('after', () => nodeHelp)
    .action(async (options: NodeOptions) =>
      ended(await (await import('./node.ts')).node(options, processOutput)),
    );
  command('doctor', 'check ffmpeg, database, bucket, disk, port and clock, with the way out of each problem')
    .addHelpText('after', () => doctorHelp)
    .action(async (options: Options) =>
      ended(await (await import('./doctor.ts')).doctor(options, processOutput)),
    );
}

/** Commands that talk to a running playlist service, or to any stream. */
function addClients(command: AddCommand, ended: Ended): void {
  command('make <file>', 'make a video from a description (- reads standard input) and print its URL')
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .addOption(
      optionWith(
        '--profile <name>',
        'how it is encoded (default: SEGUE_PROFILE of the service)',
        profileNames,
      ),
    )
    .option(
      '--label <label>',
      'what kind of video it is, for rules of the policy; again for further ones',
      repeated,
    )
    .option('--key <key>', 'a key, where the service wants one (default: SEGUE_KEY)')
    .option('--no-wait', 'end as soon as the video is accepted')
    .addHelpText('after', () => makeHelp)
    .action(async (file: string, options: MakeCommandOptions) =>
      ended(await (await import('./make.ts')).make(file, options, processOutput)),
    );
  command('drain <node>', 'have a node hand over what it does and copy what only it holds, then end')
    .option('--deadline <time>', 'it ends within this time, whatever is left, e.g. 90s, 5m', '5m')
    .option('--no-wait', 'end once the node has begun')
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
    .addHelpText('after', () => drainHelp)
    .action(async (node: string, options: DrainOptions) =>
      ended(await (await import('./drain.ts')).drain(node, options, processOutput)),
    );
  command('policy', 'show what operators have decided for the deployment, or change it')
    .addArgument(policyWords())
    .option('--note <text>', 'why, for those who read the history')
    .option('--if-version <number>', 'change it only if this version is in force')
    .option('--expect-trouble <time>', 'every node counts as in trouble for so long, e.g. 10m')
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
    .addHelpText('after', () => policyHelp)
    .action(async (words: string[], options: PolicyOptions) =>
      ended(await (await import('./policy.ts')).policy(words, options, processOutput)),
    );
  command('reconcile', 'compare disks, bucket and database, and put right what differs')
    .option('--verify', 'read every file of every node, and compare it with its checksum')
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
    .addHelpText('after', () => reconcileHelp)
    .action(async (options: ReconcileCommandOptions) =>
      ended(await (await import('./reconcile.ts')).reconcile(options, processOutput)),
    );
  command('verify [url]', 'check an HLS stream: every playlist, segment, timestamp and header')
    .option('--watch', 'reload growing playlists until they end (without: for a minute)')
    .option('--no-watch', 'read growing playlists once')
    .option('--for <time>', 'watch for so long at most, e.g. 90s, 5m')
    .option(
      '--within <time>',
      'report what was checked after so long, e.g. 10m (default: an hour, and the watch)',
    )
    .option('--rules', 'print every rule with its level and source')
    .option('--quick', 'fetch only a sample of the segments')
    .option('--decode', 'decode everything with ffmpeg and count frames and samples')
    .option('--all', 'list the checks that held, too')
    .option('--concurrency <count>', 'requests at once', '4')
    .addHelpText('after', () => verifyHelp)
    .action(async (url: string | undefined, options: VerifyCommandOptions) =>
      ended(await (await import('./verify.ts')).verify(url, options, processOutput)),
    );
}

/** Runs the command line. @returns the exit code: 0 done, 1 failed, 2 called or configured wrongly. */
async function run(argv: readonly string[]): Promise<ExitCode> {
  // What stands after `--` of `segue ingest` is another program with arguments of its own.
  const end = argv[0] === 'ingest' ? argv.indexOf('--') : -1;
  const [own, child] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const { version } = packageSchema.parse(JSON.parse(readFileSync(packageFile, 'utf8')));
  const program = new Command('segue')
    .description(
      'Turns a description into an HLS stream that plays while it is rendered and outlives its renderer.',
    )
    .version(version)
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 called or configured wrongly.\nSettings: docs/OPERATING.md',
    );
  let code: ExitCode = 0;
  const ended: Ended = (result) => {
    code = result;
  };
  const add: AddCommand = (name, description) =>
    program.command(name).description(description).option('--json', 'print JSON, one object a line');
  addServices(add, ended);
  addClients(add, ended);
  addSimulate(add, ended);
  addCopies(add, program, ended);
  addStreams(program, ended);
  addKeys(program, ended);
  addIngest(program, child, ended);
  addOverview(program, ended);
  addCompletion(program, ended);
  try {
    await program.parseAsync([...own], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error, processOutput, argv.includes('--json'));
  }
}

/** What a failed command may have left open (a pool, a socket) keeps the process for so long at most, in milliseconds. */
const lingerMs = 1000;

// Whoever reads has seen enough, as `head` does: no fault of ours, and those that follow something end by it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2));
setTimeout(() => process.exit(), lingerMs).unref();
