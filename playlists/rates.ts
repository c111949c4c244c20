import type { CopyRow } from '../src/catalog/copies.ts';
import { segmentCount } from '../src/grid/grid.ts';
import { type Rates, renditionRates } from '../src/hls/rates.ts';
import { posterName } from '../src/rendition/kind.ts';
import { leadingCopies } from './listing.ts';
import type { Ports } from './ports.ts';
import type { RenderFacts } from './render-facts.ts';

/**
 * Rates of the renditions that are completely made, by name. They never change, so each render costs one query in the life of
 * the service, and none before one of its renditions is complete. What is not known here is listed with its bound.
 */
export async function ratesNow(
  ports: Ports,
  facts: RenderFacts,
  copies: readonly CopyRow[],
): Promise<ReadonlyMap<string, Rates>> {
  const count = segmentCount(facts.grid);
  const made = facts.renditions.filter(
    ({ name }) => name !== posterName && leadingCopies(copies, name) >= count,
  );
  const keyOf = (name: string): string => `${facts.renderId}/${name}`;
  if (made.some(({ name }) => !ports.facts.rates.has(keyOf(name)))) {
    try {
      const sizes = await ports.catalog.sizesOf(facts.renderId);
      for (const { name, kind } of made) {
        const rates = renditionRates(facts.grid, kind, sizes.get(name) ?? []);
        if (rates !== undefined) ports.facts.rates.set(keyOf(name), rates);
      }
    } catch (error) {
      ports.onTrouble?.('catalog query', error);
    }
  }
  return new Map(
    made.flatMap(({ name }) => {
      const rates = ports.facts.rates.get(keyOf(name));
      return rates === undefined ? [] : [[name, rates] as const];
    }),
  );
}
