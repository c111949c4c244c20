import { expect, test } from 'vitest';
import { openCatalog } from '../../../src/catalog/connect.ts';
import { startFaultProxy, through } from '../../support/proxy.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';

test('a pool whose every connection was refused is there soon after the database is', async () => {
  await using server = sharedPostgres();
  const url = await server.createDatabase();
  await using proxy = await startFaultProxy(url);
  const catalog = openCatalog(through(proxy, url), { max: 8 });
  const ask = () => Promise.allSettled(Array.from({ length: 8 }, () => catalog.db.execute('SELECT 1')));
  try {
    expect((await ask()).map(({ status }) => status)).not.toContain('rejected');
    await proxy.fail({ kind: 'refuse' });
    // The first ones find out that their connections are gone, the others that there are no new ones.
    for (let tries = 0; tries < 2; tries += 1)
      expect((await ask()).map(({ status }) => status)).not.toContain('fulfilled');
    await proxy.fail(undefined);
    // The driver's own wait, which counts the refusals of all connections, is longer than a query may take.
    expect((await ask()).map(({ status }) => status)).not.toContain('rejected');
  } finally {
    await catalog.close();
  }
});
