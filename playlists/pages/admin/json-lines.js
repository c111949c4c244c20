// Where in a JSON text each of its values stands, so that a problem of a path can be shown at its line.

/** A fault of the syntax. `line` from 0. */
export class JsonFault extends Error {
  constructor(message, line) {
    super(message);
    this.line = line;
  }
}

/** A path as the service writes it: `rules[2].copy.when`. */
const child = (path, key) =>
  typeof key === 'number'
    ? `${path}[${key}]`
    : /^[$\w]{1,64}$/.test(key)
      ? path === ''
        ? key
        : `${path}.${key}`
      : `${path}[${JSON.stringify(key)}]`;

/**
 * Line (from 0) of every value by its path; that of a field is where its name stands. The whole document has the path ''.
 * Throws {@link JsonFault} with the line of the first fault.
 */
export function linesOf(text) {
  const lines = new Map();
  let at = 0;
  let line = 0;
  const fault = (message) => {
    throw new JsonFault(message, line);
  };
  const space = () => {
    for (; at < text.length && /\s/.test(text[at]); at += 1) if (text[at] === '\n') line += 1;
  };
  const what = () => (at >= text.length ? 'the end' : JSON.stringify(text[at]));
  const string = () => {
    const from = at;
    for (at += 1; text[at] !== '"'; at += 1) {
      if (at >= text.length || text[at] === '\n') fault('a text that does not end');
      if (text[at] === '\\') at += 1;
    }
    at += 1;
    try {
      return JSON.parse(text.slice(from, at));
    } catch {
      return fault('a text with an escape that JSON does not know');
    }
  };
  const members = (path, close, one) => {
    at += 1;
    space();
    if (text[at] === close) {
      at += 1;
      return;
    }
    for (let index = 0; ; index += 1) {
      one(path, index);
      space();
      if (text[at] === close) break;
      if (text[at] !== ',') fault(`expected a comma or ${close}, found ${what()}`);
      at += 1;
      space();
    }
    at += 1;
  };
  const field = (path) => {
    if (text[at] !== '"') fault(`expected the name of a field in quotes, found ${what()}`);
    const here = line;
    const whole = child(path, string());
    lines.set(whole, here);
    space();
    if (text[at] !== ':') fault(`expected a colon, found ${what()}`);
    at += 1;
    space();
    value(whole);
  };
  const item = (path, index) => {
    lines.set(child(path, index), line);
    value(child(path, index));
  };
  const value = (path) => {
    if (text[at] === '{') return members(path, '}', field);
    if (text[at] === '[') return members(path, ']', item);
    if (text[at] === '"') return void string();
    const [word = ''] =
      /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/.exec(
        text.slice(at, at + 400),
      ) ?? [];
    if (word === '') fault(`expected a value, found ${what()}`);
    at += word.length;
  };
  space();
  lines.set('', line);
  value('');
  space();
  if (at < text.length) fault(`expected nothing more, found ${what()}`);
  return lines;
}

/**
 * Splits `path: message` and finds its line; of a field that is not there that of what it belongs in. `rules.0.name` counts as
 * `rules[0].name`.
 */
export function placeProblem(problem, lines) {
  const [, path = '', message = problem] = /^((?:[$\w.-]|\[[^\]]*\])+): (.*)$/s.exec(problem) ?? [];
  let known = path.replaceAll(/\.(\d+)(?=\.|\[|$)/g, '[$1]');
  while (known !== '' && !lines.has(known)) known = known.replace(/(?:\.?[^.[\]]+|\[[^\]]*\])$/, '');
  return { path, message, line: lines.get(known) ?? 0 };
}
