import type { Argument, Command, Option } from 'commander';

/** What a word may become. */
export interface Candidate {
  readonly value: string;
  /** What it is, in some words. */
  readonly about: string;
}

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
  const commands = place.count > 0 ? [] : command.createHelp().visibleCommands(command);
  const named = commands
    .filter((one) => one.name().startsWith(last))
    .map((one) => ({ value: one.name(), about: one.description() }));
  if (named.length > 0) return named;
  const expected = command.registeredArguments;
  const argument =
    expected[place.count] ?? (expected.at(-1)?.variadic === true ? expected.at(-1) : undefined);
  return argument === undefined ? [] : valuesOf(argument, { begun: last, before: '', given });
}

interface Place {
  readonly command: Command;
  /** Arguments that stand there already. */
  readonly count: number;
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined;
  /** After `--`: words of another program. */
  readonly isForeign: boolean;
  readonly given: ReadonlyMap<string, string>;
}

/** Where these words lead. */
function placeOf(program: Command, words: readonly string[]): Place {
  const given = new Map<string, string>();
  let [command, count, isForeign] = [program, 0, false];
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
      const inner = count > 0 ? undefined : command.commands.find((one) => one.name() === word);
      if (inner === undefined) count += 1;
      else command = inner;
    }
  }
  return { command, count, awaiting, isForeign, given };
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
