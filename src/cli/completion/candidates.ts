import type { Argument, Command, Option } from 'commander';
import { type Candidate, Words } from './suggest.ts';

/** Values that are not known from the command line alone: ids that begin so, or files. */
export interface Values {
  readonly kind: 'node' | 'video' | 'file';
  /** What is there of the value. */
  readonly begun: string;
  /** What stands before each value, as `--node=`. */
  readonly before: string;
  /** Options that were given, by name: where the service is. */
  readonly given: ReadonlyMap<string, string>;
}

/** Names of arguments and of values of options, as help shows them, and what they are. */
const kinds: Readonly<Record<string, Values['kind']>> = {
  node: 'node',
  'node-id': 'node',
  video: 'video',
  'video-id': 'video',
  stream: 'video',
  id: 'video',
  file: 'file',
  folder: 'file',
  dir: 'file',
};

/** What the last of these words may become, by what the program declares of its commands, options and arguments. */
export function candidatesOf(program: Command, words: readonly string[]): readonly Candidate[] | Values {
  const last = words.at(-1) ?? '';
  const place = placeOf(program, words.slice(0, -1));
  const { command, given } = place;
  const [, name, inline] = /^(--[\w-]+)=(.*)$/.exec(last) ?? [];
  // As one word, or cut at the = as bash does.
  const option = name === undefined ? place.awaiting : optionOf(command, name);
  if (option !== undefined) {
    const begun = inline ?? (last === '=' ? '' : last);
    return valuesOf(option, { begun, before: name === undefined ? '' : `${name}=`, given });
  }
  if (place.isForeign) return { kind: 'file', begun: last, before: '', given };
  if (last.startsWith('-')) {
    const visible = command.createHelp().visibleOptions(command);
    return visible.flatMap(({ long, description }) =>
      long?.startsWith(last) === true ? [{ value: long, about: description }] : [],
    );
  }
  const commands = place.before.length > 0 ? [] : command.createHelp().visibleCommands(command);
  const named = commands
    .filter((one) => one.name().startsWith(last))
    .map((one) => ({ value: one.name(), about: one.description() }));
  if (named.length > 0) return named;
  const expected = command.registeredArguments;
  const argument =
    expected[place.before.length] ?? (expected.at(-1)?.variadic === true ? expected.at(-1) : undefined);
  const values = { begun: last, before: '', given };
  if (argument instanceof Words) {
    const next = argument.next(place.before.slice(expected.indexOf(argument)));
    return next === 'file' ? { kind: next, ...values } : next.filter(({ value }) => value.startsWith(last));
  }
  return argument === undefined ? [] : valuesOf(argument, values);
}

interface Place {
  readonly command: Command;
  /** Arguments that stand there already. */
  readonly before: readonly string[];
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined;
  /** After `--`: words of another program. */
  readonly isForeign: boolean;
  readonly given: ReadonlyMap<string, string>;
}

/** Where these words lead. */
function placeOf(program: Command, words: readonly string[]): Place {
  const given = new Map<string, string>();
  const before: string[] = [];
  let [command, isForeign] = [program, false];
  let awaiting: Option | undefined;
  for (const word of words) {
    if (isForeign || word === '--') isForeign = true;
    else if (awaiting !== undefined) {
      if (word === '=') continue;
      given.set(awaiting.name(), word);
      awaiting = undefined;
    } else if (word.startsWith('-')) {
      const [name = '', value] = word.split('=', 2);
      const option = optionOf(command, name);
      if (option === undefined || (!option.required && !option.optional)) continue;
      if (value === undefined) awaiting = option;
      else given.set(option.name(), value);
    } else {
      const inner = before.length > 0 ? undefined : command.commands.find((one) => one.name() === word);
      if (inner === undefined) before.push(word);
      else command = inner;
    }
  }
  return { command, before, awaiting, isForeign, given };
}

const optionOf = (command: Command, flag: string): Option | undefined =>
  command.options.find(({ long, short }) => long === flag || short === flag);

/** Values of an option or argument: those that it declares, or by the name of its value. */
function valuesOf(of: Option | Argument, values: Omit<Values, 'kind'>): readonly Candidate[] | Values {
  const { begun, before } = values;
  if (of.argChoices !== undefined)
    return of.argChoices
      .filter((choice) => choice.startsWith(begun))
      .map((choice) => ({ value: before + choice, about: '' }));
  const name = 'flags' in of ? (/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? '') : of.name();
  const kind = kinds[name];
  return kind === undefined ? [] : { kind, ...values };
}
