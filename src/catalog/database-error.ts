import { DrizzleQueryError } from 'drizzle-orm';
import { SegueError } from '../ops/errors.ts';

/**
 * What a failed query throws to its caller: `catalog_unavailable` where the database is away or takes no queries, else an error
 * that says what PostgreSQL said. Never with the values of the query: those of drizzle and of the driver carry them as
 * properties and in their messages, and keys and whole init segments are among them. Anything else is returned as it is.
 */
export function databaseError(error: unknown): unknown {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (!(cause instanceof Error) || cause instanceof SegueError) return cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (isAway(cause, code)) {
    return new SegueError('catalog_unavailable', 'The database does not answer', {
      cause: new Error(cause.message === '' ? code : cause.message),
      hint: 'Check that PostgreSQL is reachable; ask again in a moment.',
    });
  }
  if (error === cause && cause.name !== 'PostgresError') return error;
  const text = isQuoting(code) ? 'a value does not fit' : cause.message;
  // The statement has $1 where the values are.
  const query = error instanceof DrizzleQueryError ? { query: error.query } : {};
  return Object.assign(new Error(code === '' ? text : `${text} (${code})`), query);
}

/**
 * Whether the query would succeed at a database that is well: what the socket or the driver says of the connection, or
 * PostgreSQL of itself (SQLSTATE classes 08 connection, 53 resources, 57 operator intervention such as a shutdown).
 */
function isAway(error: Error, code: string): boolean {
  if (error.name === 'PostgresError') return /^(08|53|57)/.test(code);
  return 'syscall' in error || error instanceof AggregateError || code.startsWith('CONN');
}

/** Class 22: the message quotes the value that does not fit. */
const isQuoting = (code: string): boolean => code.startsWith('22');
