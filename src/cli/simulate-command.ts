import type { Command } from 'commander';
import { pricePresets } from '../policy/document/prices.ts';
import { workloadNames } from '../simulate/workloads/names.ts';
import { optionWith } from './completion/suggest.ts';
import { simulateHelp } from './help-policy.ts';
import { type ExitCode, processOutput } from './output.ts';
import type { SimulateOptions } from './simulate.ts';

/** Adds `segue simulate`. `ended` notes how it ended. */
export function addSimulate(
  command: (name: string, description: string) => Command,
  ended: (code: ExitCode) => void,
): void {
  const repeat = (value: string, before: readonly string[] = []): string[] => [...before, value];
  command('simulate', 'say what policies would cost and risk, before one of them is set')
    .option(
      '--policy <file>',
      'a policy, as YAML or JSON; again for further ones (default: auto, everything, nothing)',
      repeat,
    )
    .option('--trace <file>', 'demand as `segue trace export` writes it; - reads standard input')
    .option(
      '--log <file>',
      'demand from an access log: combined, W3C, S3, or JSON lines (docs/SIMULATION.md); - reads standard input',
    )
    .addOption(optionWith('--workload <name>', 'made-up demand (default: all)', workloadNames))
    .addOption(
      optionWith(
        '--prices <preset>',
        'bill and decide by these (default: those of the first policy)',
        Object.keys(pricePresets),
      ),
    )
    .option('--html <file>', 'write a page with plots that needs nothing else')
    .option('--svg <folder>', 'write a picture of each workload')
    .option('--write-trace <file>', 'write the demand as a trace, and simulate nothing')
    .option('--videos <count>', 'of made-up demand', '10000')
    .option('--days <days>', 'of made-up demand (default: 60)')
    .option('--seed <number>', 'of made-up demand', '1')
    .option('--nodes <count>', 'of made-up demand, and of a log', '4')
    .option(
      '--disk-bytes <bytes>',
      'what each node may keep (made-up demand: 40 % of all bytes on all disks; a log: 100 GB)',
    )
    .option('--segment-seconds <seconds>', 'of a log: length of a segment', '4')
    .option('--cpu-per-second <seconds>', 'of a log: CPU seconds that a second of video takes to render', '2')
    .addHelpText('after', () => simulateHelp)
    .action(async (options: SimulateOptions) =>
      ended(await (await import('./simulate.ts')).runSimulate(options, processOutput)),
    );
}
