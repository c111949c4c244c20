import type { Argument } from 'commander';
import { Words } from './completion/suggest.ts';

/** What `segue policy` can be told to do, beside NAME=VALUE, and whether the word after it names a file. */
export const policyVerbs = {
  get: { about: 'the whole document, as YAML', takesFile: false },
  set: { about: 'replaces it by that of a file', takesFile: true },
  diff: { about: 'what a file would change, or what has changed since a version', takesFile: true },
  history: { about: 'who has set what, and when', takesFile: false },
  restore: { about: 'sets a version once more', takesFile: false },
} as const;

/** One of {@link policyVerbs}. */
export type PolicyVerb = keyof typeof policyVerbs;

/** Whether a word is one of {@link policyVerbs}. */
export const isPolicyVerb = (word: string): word is PolicyVerb => Object.hasOwn(policyVerbs, word);

/** The argument of `segue policy`. */
export const policyWords = (): Argument =>
  new Words('[words...]', (before) => {
    const [verb] = before;
    if (verb === undefined)
      return Object.entries(policyVerbs).map(([value, { about }]) => ({ value, about }));
    return before.length === 1 && isPolicyVerb(verb) && policyVerbs[verb].takesFile ? 'file' : [];
  });
