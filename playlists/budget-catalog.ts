import { type Asked, charge, type Granted, giveBack } from '../src/catalog/budgets.ts';
import type { Catalog } from '../src/catalog/connect.ts';

/** What clients owe, as the service sees it. */
export interface BudgetCatalog {
  charge(asked: Asked): Promise<Granted>;
  giveBack(account: string, seconds: number): Promise<void>;
}

/** Over the catalog; `within` bounds each query. */
export function budgetCatalog(
  db: Catalog['db'],
  within: <T>(query: PromiseLike<T>) => Promise<T>,
): BudgetCatalog {
  return {
    charge: (asked) => within(charge(db, asked)),
    giveBack: (account, seconds) => within(giveBack(db, account, seconds)),
  };
}
