import { SegueError } from '../ops/errors.ts';

/** Longest line of a trace or a log, in characters. */
const mostCharacters = 1_000_000;

/** Lines of a text that comes in pieces, without their ends (LF or CRLF). @throws SegueError `too_large` for a line without end */
export async function* linesIn(pieces: AsyncIterable<string>, name: string): AsyncGenerator<string> {
  let [rest, number] = ['', 0];
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    number += lines.length;
    if (rest.length > mostCharacters)
      throw new SegueError(
        'too_large',
        `${name}, line ${number + 1} has more than ${mostCharacters} characters`,
      );
  }
  if (rest !== '') yield rest;
}
