// What differs between two texts, line by line.

/** Lines that are compared; of longer texts the rest counts as changed. */
const mostLines = 3000;

/**
 * The lines of both, in order, as `{kind, text}`: `same`, `removed`, `added`. The longest common subsequence of what lies between the
 * common beginning and the common end.
 */
export function diffLines(before, after) {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const as = (kind) => (text) => ({ kind, text });
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...a.slice(0, start).map(as('same')), ...middle, ...a.slice(a.length - end).map(as('same'))];
}

function between(a, b) {
  if (a.length > mostLines || b.length > mostLines) {
    return [...a.map((text) => ({ kind: 'removed', text })), ...b.map((text) => ({ kind: 'added', text }))];
  }
  // longest[i][j]: of the lines from i and from j on.
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const result = [];
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      result.push({ kind: 'same', text: a[i] });
      i += 1;
      j += 1;
    } else if (
      j >= b.length ||
      (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
    ) {
      result.push({ kind: 'removed', text: a[i] });
      i += 1;
    } else {
      result.push({ kind: 'added', text: b[j] });
      j += 1;
    }
  }
  return result;
}

/** Only the changed lines, with so many of the others around them; `undefined` stands for lines that were left out. */
export function around(lines, context) {
  const near = new Set();
  for (const [index, { kind }] of lines.entries()) {
    if (kind === 'same') continue;
    for (let at = index - context; at <= index + context; at += 1) near.add(at);
  }
  const result = [];
  for (const [index, line] of lines.entries()) {
    if (near.has(index)) result.push(line);
    else if (near.has(index - 1) || (index === 0 && near.size > 0)) result.push(undefined);
  }
  return near.size === 0 ? [] : result;
}
