import type { Command } from 'commander';
import type { IngestCommandOptions } from './ingest.ts';
import { type ExitCode, processOutput } from './output.ts';

const help = `
  segue ingest -- ffmpeg -re -i in.mp4 -c:v libx264 -c:a aac -f hls -hls_list_size 0 {}/out.m3u8
  segue ingest /var/hls --url http://node-1:8090 --url http://node-2:8090 --key KEY

Delivers HLS that another program writes into a folder: every file that a playlist lists, then the playlist, to the first node
that takes it. In the program's arguments {} is the folder; without one it is a temporary folder. Without --key a stream is made
first (with the admin token), and where to watch it is printed. What ends the stream is EXT-X-ENDLIST in its lists, as ffmpeg
writes it at its end; SIGTERM or Ctrl-C stops the program, delivers the rest and ends. A playlist that is broken or refused, or a
listed file that is not there, is told on standard error; everything else is delivered, and the program's next playlist read anew.

Exit codes: 0 all is delivered, 1 not, 2 called wrongly; with a program, 1 also where it failed before its lists ended.

--json prints one object a line: {event: "created", id, url, key, ingest}, {event: "progress", segments, bytes, playlists, ended},
{event: "retry", problem, waitMs}, {event: "problem", code, message, hint}, {event: "done", ...as progress, complete}.`;

/** Adds `segue ingest [folder] [-- program ...]`. `child`: what stands after `--`. */
export function addIngest(program: Command, child: readonly string[], ended: (code: ExitCode) => void): void {
  const repeat = (value: string, before: readonly string[] = []): string[] => [...before, value];
  program
    .command('ingest [folder]')
    .description('deliver HLS that another program writes into a folder')
    .option('--url <url>', 'a node, or an ingest URL with its key; again for further nodes', repeat)
    .option('--key <key>', 'key of the stream (default: a new stream)')
    .option('--name <text>', 'name of the new stream')
    .option('--window <seconds>', 'how much of the new stream stays listed (default: everything)')
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', () => help)
    .action(async (folder: string | undefined, options: IngestCommandOptions) =>
      ended(await (await import('./ingest.ts')).ingest(folder, child, options, processOutput)),
    );
}
