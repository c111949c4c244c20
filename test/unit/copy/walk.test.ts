import fc from 'fast-check';
import { expect, test } from 'vitest';
import { walkRenders } from '../../../src/copy/walk.ts';

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** What is met: `<id`, the names of objects, `>`; an object of no render has its whole name. */
async function walk(keys: readonly string[], expected: readonly string[]): Promise<string> {
  const met: string[] = [];
  const objects = keys.map((key) => ({ key: `renders/${key}`, bytes: 1 }));
  for await (const one of walkRenders(each(objects), each(expected))) {
    if (one.kind === 'begin') met.push(`<${one.renderId}`);
    else if (one.kind === 'end') met.push('>');
    else met.push(one.object.key.slice('renders/'.length));
  }
  return met.join(' ');
}

test('render by render, and those that have nothing where they should have been', async () => {
  expect(await walk(['b/1', 'b/2', 'd/1'], ['a', 'b', 'c', 'e'])).toBe(
    '<a > <b b/1 b/2 > <c > <d d/1 > <e >',
  );
  expect(await walk([], ['a', 'b'])).toBe('<a > <b >');
  expect(await walk(['a/1'], [])).toBe('<a a/1 >');
  expect(await walk([], [])).toBe('');
});

test('what is in no render is met where it lies', async () => {
  expect(await walk(['a/1', 'a b', 'a b/2', 'b/1', 'loose'], ['a'])).toBe(
    '<a a/1 a b a b/2 > <b b/1 loose >',
  );
});

test('ids are in the order of names: `-` before `/`', async () => {
  expect(await walk(['a-/1', 'a/1', 'a0/1'], ['a-', 'a', 'a0'])).toBe('<a- a-/1 > <a a/1 > <a0 a0/1 >');
});

test('a bucket that lists in another order is refused', async () => {
  await expect(walk(['b/1', 'a/1'], [])).rejects.toMatchObject({
    code: 'bucket_unavailable',
    retryable: false,
  });
  await expect(walk(['a/1', 'b/1', 'a/2'], [])).rejects.toMatchObject({ code: 'bucket_unavailable' });
});

test('whatever lies where: each render begins and ends once, with all its objects', async () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,3}$/);
  const byName = (a: string, b: string): number => (`${a}/` < `${b}/` ? -1 : 1);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(id), fc.uniqueArray(id), async (listed, expected) => {
      const keys = listed.toSorted(byName).flatMap((one) => [`${one}/1`, `${one}/2`]);
      const met = await walk(keys, expected.toSorted(byName));
      const all = [...new Set([...listed, ...expected])].toSorted(byName);
      const own = (one: string): string =>
        listed.includes(one) ? `<${one} ${one}/1 ${one}/2 >` : `<${one} >`;
      expect(met).toBe(all.map(own).join(' '));
    }),
  );
});
