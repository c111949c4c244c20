import { fileURLToPath } from 'node:url';
import { type ExitCode, processOutput } from '../output.ts';
import type { shells } from './shells.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** A word that a shell takes as it is: all three know single quotes. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

// Each asks `segue complete` with the words as they are, none of them evaluated; a line of its answer is a value, a tab and what it is, or
// :files, for the names of files. Bash cuts words at = and :, which `complete` knows; it has no use for descriptions.
const scripts: Readonly<Record<(typeof shells)[number], (command: string) => string>> = {
  bash: (command) => `_segue() {
  local value rest
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    if [[ $value == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("$value")
    fi
  done < <(${command} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _segue segue`,
  zsh: (command) => `#compdef segue
_segue() {
  local line
  local -a described
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      _files
    else
      described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <(${command} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#described )) && _describe -t values value described
}
compdef _segue segue`,
  fish: (command) => `function __segue_complete
  set -l words (commandline -opc)[2..] (commandline -ct)
  for line in (${command} complete -- $words 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c segue -f -a '(__segue_complete)'`,
};

/** `segue completion SHELL`: prints the script. */
export function completion(shell: (typeof shells)[number]): ExitCode {
  processOutput.out(scripts[shell](`${quoted(process.execPath)} ${quoted(main)}`));
  return 0;
}
