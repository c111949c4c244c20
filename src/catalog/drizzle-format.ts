import { registerHooks } from 'node:module';

/** A module of drizzle-orm in its ES format; each has a twin whose name ends in `.cjs`. */
const esModule = /\/node_modules\/drizzle-orm\/.*\.js$/;

/**
 * Has drizzle-orm loaded in its CommonJS format by what is imported, dynamically, after this. Node looks up the format of each of its
 * hundred ES modules in a package.json of 180 kB, and parses that each time: 0.7 s of processor time at each start
 * (docs/decisions/0033). Files whose name ends in `.cjs` need no look.
 */
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (!esModule.test(found.url)) return found;
    return { ...found, url: found.url.replace(/\.js$/, '.cjs'), format: 'commonjs' };
  },
});
