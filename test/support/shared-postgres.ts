import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { databasesOn, startTestPostgres, type TestPostgres } from './postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the PostgreSQL of a run. */
    postgres: string;
  }
}

/** One PostgreSQL for all files of a run: to start one takes two seconds of processor time, a database a tenth of that. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestPostgres();
  project.provide('postgres', server.url);
  return () => server.stop();
}

/** The PostgreSQL of the run, for one file: use in `beforeAll`, stop in `afterAll`. */
export const sharedPostgres = (): TestPostgres => databasesOn(inject('postgres'));
