/** A value in a document that has no parts of its own, under its path: `rules[trailers].copy.what`. */
export type Leaf = readonly [path: string, value: unknown];

type Parts = Record<string, unknown>;

const isParts = (value: unknown): value is Parts =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members of a list that have names, as rules do, are told apart by them, so that one that was moved is still the same. */
const isNamed = (value: unknown): value is readonly (Parts & { name: string })[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((member) => isParts(member) && typeof member['name'] === 'string');

/** Every leaf of a document, in its order. Lists of values without names are leaves. */
export function leavesOf(document: unknown, path = ''): Leaf[] {
  if (isNamed(document)) return document.flatMap((one) => leavesOf(one, `${path}[${one.name}]`));
  if (!isParts(document)) return [[path, document]];
  const parts = Object.entries(document);
  if (parts.length === 0) return [[path, document]];
  return parts.flatMap(([name, value]) => leavesOf(value, path === '' ? name : `${path}.${name}`));
}

/** Sets what is at a path, in place. Returns false, and changes nothing, where there is no such path. */
export function setLeaf(document: unknown, path: string, value: unknown): boolean {
  const names = path.split(/[.[\]]+/).filter((name) => name !== '');
  const last = names.pop();
  let place: unknown = document;
  for (const name of names) {
    if (isNamed(place)) place = place.find((member) => member.name === name);
    else place = isParts(place) && Object.hasOwn(place, name) ? place[name] : undefined;
  }
  if (last === undefined || !isParts(place) || !Object.hasOwn(place, last)) return false;
  place[last] = value;
  return true;
}

/** What differs between two documents: paths with what was there and what is now; undefined: nothing. */
export function differences(
  before: unknown,
  after: unknown,
): readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[] {
  const [was, is] = [new Map(leavesOf(before)), new Map(leavesOf(after))];
  const paths = [...new Set([...was.keys(), ...is.keys()])];
  return paths
    .map((path) => ({ path, before: was.get(path), after: is.get(path) }))
    .filter(({ before: a, after: b }) => JSON.stringify(a) !== JSON.stringify(b));
}
