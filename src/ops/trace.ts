/**
 * Where a span hangs: the headers of W3C Trace Context (`traceparent`, `tracestate`), as they are sent to the next process. None
 * of them: nowhere, a trace begins.
 */
export type TraceHeaders = Readonly<Record<string, string>>;

/** What is said of a span. Absent values are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** How a span begins. */
export interface SpanOptions {
  /** Default: within this process. */
  readonly kind?: 'server' | 'client';
  /** Default: the span that the code runs in. */
  readonly parent?: TraceHeaders | undefined;
  /** What it is connected with beside its parent. */
  readonly link?: TraceHeaders | undefined;
  readonly attributes?: SpanAttributes;
}

/** A span that has begun. */
export interface Span {
  /** Headers that make what is begun with them a child of this span. */
  readonly headers: TraceHeaders;
  /** Runs `work`, and all that it begins, in this span. */
  run<T>(work: () => T): T;
  /** Ends it; `error` marks it as failed. Only the first call counts. */
  end(outcome?: {
    readonly name?: string;
    readonly attributes?: SpanAttributes;
    readonly error?: unknown;
  }): void;
}

/** Traces of one process, as OpenTelemetry has them. Where none are sent there is none of these, so that it costs nothing. */
export interface Tracing {
  begin(name: string, options?: SpanOptions): Span;
  /** Headers of the span that the code runs in. */
  current(): TraceHeaders | undefined;
  /** Sends what is left, within two seconds. */
  close(): Promise<void>;
}
