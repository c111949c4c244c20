/** A request, as it is logged: one wide event each. */
export interface RequestEvent {
  readonly requestId: string;
  readonly method: string;
  /** Without the query, and without what in it is a credential; at most 200 characters. */
  readonly path: string;
  /** Pattern of the route, for metrics: from a closed set. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds until the answer's headers. */
  readonly durationMs: number;
  /** Where segment bytes came from: `bucket`, a node id, `catalog`, `held`. */
  readonly source: string | undefined;
  /** The client went away before it was answered: nobody has seen the status. */
  readonly clientLeft: boolean;
  readonly error: unknown;
}

/** Paths that machines ask every second: only their failures are worth a line, and none of them a span. */
export const quietPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);
