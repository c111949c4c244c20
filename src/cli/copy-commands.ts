import type { Command } from 'commander';
import type { CopiesOptions, EvictOptions, TraceOptions } from './copies.ts';
import { copyHelp, evictHelp, explainHelp, traceHelp } from './help-policy.ts';
import { type ExitCode, processOutput } from './output.ts';

/** Adds `segue explain`, `copy`, `evict` and `trace export`. `ended` notes how each ended. */
export function addCopies(
  command: (name: string, description: string) => Command,
  program: Command,
  ended: (code: ExitCode) => void,
): void {
  const access = (made: Command): Command =>
    made
      .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
      .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)');
  const add = (name: string, description: string): Command => access(command(name, description));
  const copies = () => import('./copies.ts');
  add('explain <video>', 'say what of a video is copied to the bucket, why, and what would change it')
    .addHelpText('after', () => explainHelp)
    .action(async (video: string, options: CopiesOptions) =>
      ended(await (await copies()).explain(video, options, processOutput)),
    );
  add('copy <video>', 'copy what exists of a video to the bucket, whatever the policy says')
    .addHelpText('after', () => copyHelp)
    .action(async (video: string, options: CopiesOptions) =>
      ended(await (await copies()).copy(video, options, processOutput)),
    );
  add('evict [video]', 'take a video off the disks of nodes, or make room on one node')
    .option('--node <node>', 'make room on this node, down to the low watermark')
    .option('--bytes <bytes>', 'with --node: so many bytes')
    .addHelpText('after', () => evictHelp)
    .action(async (video: string | undefined, options: EvictOptions) =>
      ended(await (await copies()).evict(video, options, processOutput)),
    );
  const trace = program.command('trace').description('what was watched, for segue simulate');
  access(
    trace
      .command('export')
      .description('write a trace file')
      .option('--json', 'print JSON, one object a line'),
  )
    .option('--from <time>', 'as 2026-01-05T00:00:00Z (default: a week before --to)')
    .option('--to <time>', 'default: now')
    .option('--output <file>', 'default: standard output')
    .addHelpText('after', () => traceHelp)
    .action(async (options: TraceOptions) =>
      ended(await (await copies()).exportTrace(options, processOutput)),
    );
}
