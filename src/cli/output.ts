import { SegueError } from '../ops/errors.ts';
import { printable } from '../ops/printable.ts';

/** Where a command writes; the process's own streams outside of tests. */
export interface Output {
  /** What the command was asked for. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
}

/** Lines of a text as they may be printed, with the line end. */
export const printed = (text: string): string => `${text.split('\n').map(printable).join('\n')}\n`;

/** Standard output and standard error. */
export const processOutput: Output = {
  out: (text) => void process.stdout.write(printed(text)),
  err: (text) => void process.stderr.write(printed(text)),
};

/** What chooses a colour or a weight (ECMA-48, SGR), and nothing else. */
const style = new RegExp(String.raw`(\u001B\[[\d;]*m)`);

/** Lines of a text in colours as they may be printed, with the line end. Texts of others in it must be made printable before. */
export const printedInColours = (text: string): string =>
  text
    .split('\n')
    .map((line) =>
      line
        .split(style)
        .map((part, index) => (index % 2 === 1 ? part : printable(part)))
        .join(''),
    )
    .join('\n')
    .concat('\n');

/** Standard output for what colours itself, and standard error. */
export const colouredOutput: Output = {
  ...processOutput,
  out: (text) => void process.stdout.write(printedInColours(text)),
};

/** Exit codes: 0 done, 1 failed, 2 called or configured wrongly. */
export type ExitCode = 0 | 1 | 2;

/**
 * Tells a person (or, with `json`, a program) what went wrong: message, every problem, the way out. A stack trace only for
 * errors that Segue does not know.
 */
export function reportError(error: unknown, output: Output, json = false): ExitCode {
  const known = error instanceof SegueError;
  const code = known && error.code === 'configuration' ? 2 : 1;
  if (json) {
    const message = error instanceof Error ? error.message : String(error);
    const detail = known
      ? {
          code: error.code,
          hint: error.hint,
          problems: error.problems,
          cause: error.cause instanceof Error ? error.cause.message : undefined,
        }
      : { code: 'internal' };
    output.out(JSON.stringify({ error: { message, ...detail } }));
    return code;
  }
  if (!known) {
    output.err(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return code;
  }
  output.err(`segue: ${error.message}`);
  const others = error.problems.filter((problem) => problem !== error.message);
  for (const problem of others) output.err(`  ${problem}`);
  if (error.cause instanceof Error) output.err(`  because: ${error.cause.message}`);
  if (error.hint !== undefined) output.err(`  ${error.hint}`);
  return code;
}
