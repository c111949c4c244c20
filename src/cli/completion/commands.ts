import { Argument, type Command } from 'commander';
import type { ExitCode } from '../output.ts';
import { shells } from './shells.ts';

const help = `
  source <(segue completion bash)          # in ~/.bashrc
  source <(segue completion zsh)           # in ~/.zshrc, after compinit
  segue completion fish | source           # in ~/.config/fish/config.fish

Completes commands, options and their values, and the ids of nodes and videos where the service (SEGUE_URL, --server) answers
within a second. What is typed is never run. The script calls this installation of segue by its path.`;

/** Adds `segue completion SHELL`, and the hidden command that its scripts call. */
export function addCompletion(program: Command, ended: (code: ExitCode) => void): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(shells))
    .description('print a script that completes commands, options and ids in a shell')
    .addHelpText('after', () => help)
    .action(async (shell: (typeof shells)[number]) => ended((await import('./script.ts')).completion(shell)));
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'after --: the words of the command line up to the one that is completed')
    .action(async (words: string[]) => ended(await (await import('./complete.ts')).complete(program, words)));
}
