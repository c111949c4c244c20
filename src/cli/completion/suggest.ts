import { Argument, Option } from 'commander';

/** What a word may become. */
export interface Candidate {
  readonly value: string;
  /** What it is, in some words. */
  readonly about: string;
}

/** What a word may be, by the words of the same argument before it. */
export type NextWord = (before: readonly string[]) => readonly Candidate[] | 'file';

/** An argument of several words of which each may be something else. Nothing is refused that is not suggested. */
export class Words extends Argument {
  /** What the next one may be. */
  readonly next: NextWord;

  /** `name` as Commander writes it: `[words...]`. */
  constructor(name: string, next: NextWord) {
    super(name);
    this.next = next;
  }
}

/**
 * An option whose known values are completed, and named by help. Unlike with `choices()`, the command refuses others itself: with a hint, and
 * as JSON with --json.
 */
export function optionWith(flags: string, description: string, known: readonly string[]): Option {
  const option = new Option(flags, description);
  option.argChoices = [...known];
  return option;
}
