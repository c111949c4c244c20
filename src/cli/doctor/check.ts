import { SegueError } from '../../ops/errors.ts';

/** What `segue doctor` found about one thing. */
export interface Finding {
  /** Name of the check, as `bucket write`. */
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'error';
  /** What was seen. */
  readonly message: string;
  /** The way out. */
  readonly hint?: string;
}

/** Longest time for one check, in milliseconds. */
const deadlineMs = 20_000;

/** A finding that all is well. */
export const ok = (name: string, message: string): Finding => ({ name, state: 'ok', message });
/** A finding that something works, but not well. */
export const warning = (name: string, message: string, hint: string): Finding => ({
  name,
  state: 'warning',
  message,
  hint,
});
/** A finding that something does not work. */
export const failure = (name: string, message: string, hint: string): Finding => ({
  name,
  state: 'error',
  message,
  hint,
});

/** A thrown value as a finding. The text is cut, because what drivers say may carry connection strings. */
export function failureOf(name: string, error: unknown, hint: string): Finding {
  const known = error instanceof SegueError;
  const text = error instanceof Error && error.message !== '' ? error.message : nameOf(error);
  const problems = known ? error.problems.map((problem) => `; ${problem}`).join('') : '';
  return failure(name, `${text}${problems}`.slice(0, 400), (known ? error.hint : undefined) ?? hint);
}

function nameOf(error: unknown): string {
  // Connecting to a name with several addresses fails with an AggregateError whose own message is empty.
  if (error instanceof AggregateError)
    return error.errors.map((part) => (part instanceof Error ? part.message : '')).join(', ');
  return error instanceof Error ? error.name : String(error);
}

/** Runs a check under a deadline; whatever it throws becomes a finding. */
export async function check(
  name: string,
  hint: string,
  run: (signal: AbortSignal) => Promise<Finding>,
): Promise<Finding> {
  try {
    return await run(AbortSignal.timeout(deadlineMs));
  } catch (error) {
    return failureOf(name, error, hint);
  }
}
