import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { databasesOn, startTestPostgres, type TestPostgres } from './postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the PostgreSQL of a project; undefined where the project has none. */
    postgres?: string;
  }
}

/** One PostgreSQL for all files of a project: to start one takes two seconds of processor time, a database a tenth of that. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestPostgres();
  project.provide('postgres', server.url);
  return () => server.stop();
}

/** The PostgreSQL of the project; undefined where it has none. */
export function sharedIfAny(): TestPostgres | undefined {
  const url = inject('postgres');
  return url === undefined ? undefined : databasesOn(url);
}

/** The PostgreSQL of the project, for one file: use in `beforeAll`, stop in `afterAll`. */
export function sharedPostgres(): TestPostgres {
  const shared = sharedIfAny();
  if (shared === undefined) throw new Error('This project of test/vitest.config.ts has no PostgreSQL');
  return shared;
}
