import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, placeRender } from '../../../src/node/placement.ts';

const node = (id: string, load: Partial<Candidate['load']> = {}, state: Candidate['state'] = 'ready') => ({
  id,
  state,
  load: { renders: 0, ...load },
});
const ids = Array.from({ length: 2000 }, (_, index) => `render-${index}`);
const share = (nodes: readonly Candidate[], id: string): number =>
  ids.filter((renderId) => placeRender(renderId, nodes)?.id === id).length / ids.length;

test('only a ready node that is not left out is chosen', () => {
  const nodes = [node('a'), node('b', {}, 'draining'), node('c', {}, 'dead')];
  expect(placeRender('r', nodes)?.id).toBe('a');
  expect(placeRender('r', nodes, new Set(['a']))).toBeUndefined();
});

test('shares follow weight and slots, and what a node has to do already', () => {
  expect(share([node('a'), node('b'), node('c')], 'b')).toBeCloseTo(1 / 3, 1);
  expect(share([node('a', { weight: 3 }), node('b')], 'a')).toBeCloseTo(3 / 4, 1);
  expect(share([node('a', { slots: 4 }), node('b', { slots: 1 })], 'a')).toBeCloseTo(4 / 5, 1);
  // Of two slots each, the one that renders two has half of the other's capacity left.
  const busy = [node('a', { slots: 2, renders: 2 }), node('b', { slots: 2 })];
  expect(share(busy, 'a')).toBeCloseTo(1 / 3, 1);
});

const fleet = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 12 })
  .chain((names) =>
    fc.tuple(...names.map((id) => fc.integer({ min: 1, max: 5 }).map((weight) => node(id, { weight })))),
  );

test('every caller chooses the same; a node that goes moves only its own share', () => {
  fc.assert(
    fc.property(fleet, fc.string(), fc.nat(), (nodes, renderId, index) => {
      const chosen = placeRender(renderId, nodes)?.id;
      expect(placeRender(renderId, nodes.toReversed())?.id).toBe(chosen);
      const gone = nodes[index % nodes.length];
      const left = nodes.filter((one) => one !== gone);
      if (gone?.id !== chosen) expect(placeRender(renderId, left)?.id).toBe(chosen);
    }),
  );
});
