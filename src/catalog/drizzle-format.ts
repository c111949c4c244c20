import { registerHooks } from 'node:module';

/**
 * To be imported before anything that imports drizzle-orm, which is then loaded in its CommonJS format. Node looks up the format of
 * each of its hundred ES modules in a package.json of 180 kB, and parses that each time: 0.7 s of processor time at each start
 * (docs/decisions/0033). Files whose name ends in `.cjs` need no look.
 */
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier,
      /^drizzle-orm(\/|$)/.test(specifier) ? { ...context, conditions: ['node', 'require'] } : context,
    ),
});
