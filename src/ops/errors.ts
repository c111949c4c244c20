/** The closed list of error codes that Segue answers with. HTTP status by {@link statusOf}. */
export const errorCodes = [
  'invalid_request',
  'invalid_description',
  'unknown_asset',
  'asset_refused',
  'over_budget',
  'invalid_playlist',
  'unauthorized',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'too_large',
  'too_many_requests',
  'too_many_holds',
  'fenced',
  'lease_held',
  'render_failed',
  'stream_over',
  'storage_full',
  'no_node',
  'bucket_unavailable',
  'catalog_unavailable',
  'configuration',
  'internal',
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** Everything about an error but its code and message. */
export interface ErrorDetail {
  /** What the reader can do about it. */
  hint?: string;
  /** Whether the same call may succeed later without a change. Default: by status (429 and 5xx). */
  retryable?: boolean;
  cause?: unknown;
  /** Every problem found, as `path: message`. */
  problems?: readonly string[];
  /** Seconds after which the same call may succeed; told to the client as Retry-After. */
  retryAfterSeconds?: number;
}

/** The one error class that crosses folders: a code from a closed list, a message for people, a hint with the way out. */
export class SegueError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly problems: readonly string[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'SegueError';
    this.code = code;
    this.hint = detail.hint;
    this.problems = detail.problems ?? [];
    this.retryAfterSeconds = detail.retryAfterSeconds;
    const status = statusOf(code);
    this.retryable = detail.retryable ?? (status === 429 || status >= 500);
  }
}

/** HTTP status of an error code (RFC 9110; 507 is RFC 4918). */
export function statusOf(
  code: ErrorCode,
): 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503 | 507 {
  switch (code) {
    case 'invalid_request':
    case 'invalid_description':
    case 'unknown_asset':
    case 'asset_refused':
      return 400;
    case 'unauthorized':
      return 401;
    case 'forbidden':
      return 403;
    case 'not_found':
      return 404;
    case 'method_not_allowed':
      return 405;
    case 'fenced':
    case 'lease_held':
    case 'stream_over':
      return 409;
    case 'too_large':
      return 413;
    case 'over_budget':
    case 'invalid_playlist':
      return 422;
    case 'too_many_requests':
      return 429;
    case 'too_many_holds':
    case 'no_node':
    case 'bucket_unavailable':
    case 'catalog_unavailable':
      return 503;
    case 'render_failed':
    case 'configuration':
    case 'internal':
      return 500;
    case 'storage_full':
      return 507;
  }
}

/** The JSON body of an error answer: `{error: {code, message, hint, requestId}}`; `problems` only where there are several. */
export interface ErrorBody {
  error: { code: ErrorCode; message: string; hint?: string; requestId?: string; problems?: string[] };
}

/** Body for any thrown value. Unknown errors become `internal` without their text, so nothing of the inside leaks. */
export function errorBody(error: unknown, requestId?: string): ErrorBody {
  const known =
    error instanceof SegueError ? error : new SegueError('internal', 'Something failed inside Segue');
  return {
    error: {
      code: known.code,
      message: known.message,
      ...(known.hint === undefined ? {} : { hint: known.hint }),
      ...(requestId === undefined ? {} : { requestId }),
      ...(known.problems.length === 0 ? {} : { problems: [...known.problems] }),
    },
  };
}
