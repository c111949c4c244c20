import { setTimeout as delay } from 'node:timers/promises';
import type { Context, Span as OpenSpan, SpanStatusCode } from '@opentelemetry/api';
import type { Log } from './log.ts';
import { FailureLog } from './loop.ts';
import type { Span, SpanAttributes, SpanOptions, TraceHeaders, Tracing } from './trace.ts';
import { traceScope } from './trace-scope.ts';

/** Which process sends the traces. */
export interface TracedProcess {
  /** `service.name` of OpenTelemetry; OTEL_SERVICE_NAME goes before it. */
  readonly service: string;
  /** `service.instance.id`. */
  readonly instance: string;
}

/** How long closing waits for a collector, in milliseconds. */
const closeMs = 2_000;

/**
 * Opens traces that are sent to a collector by OTLP over HTTP (JSON), to this URL; undefined without one, and nothing is loaded then.
 * The library has a queue of 2048 spans and drops what comes beyond it; a collector that is away costs the traces, and a line each
 * half minute. What else it does is set by the variables of OpenTelemetry: sampler, headers, resource attributes, limits.
 */
export async function openTracing(
  url: string | undefined,
  { service, instance }: TracedProcess,
  log: Log,
): Promise<Tracing | undefined> {
  if (url === undefined) return undefined;
  const [api, core, { OTLPTraceExporter }, resources, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
  ]);
  const failures = new FailureLog(log, 'sending traces');
  core.setGlobalErrorHandler((error) => failures.failed(error, 0));
  const own = resources.resourceFromAttributes({ 'service.name': service, 'service.instance.id': instance });
  const set = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.BasicTracerProvider({
    resource: own.merge(set),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  const tracer = provider.getTracer('segue');
  const w3c = new core.W3CTraceContextPropagator();

  const contextOf = (headers: TraceHeaders): Context =>
    w3c.extract(api.ROOT_CONTEXT, headers, api.defaultTextMapGetter);
  const headersOf = (context: Context): TraceHeaders => {
    const headers: Record<string, string> = {};
    w3c.inject(context, headers, api.defaultTextMapSetter);
    return headers;
  };
  const kinds = { server: api.SpanKind.SERVER, client: api.SpanKind.CLIENT };
  const current = (): TraceHeaders | undefined => traceScope.getStore()?.headers;

  return {
    current,
    begin(name, { kind, parent = current() ?? {}, link, attributes = {} }: SpanOptions = {}) {
      const above = contextOf(parent);
      const linked = link === undefined ? undefined : api.trace.getSpanContext(contextOf(link));
      const span = tracer.startSpan(
        name,
        {
          kind: kind === undefined ? api.SpanKind.INTERNAL : kinds[kind],
          attributes: present(attributes),
          links: linked === undefined ? [] : [{ context: linked }],
        },
        above,
      );
      const { traceId } = span.spanContext();
      const headers = headersOf(api.trace.setSpan(above, span));
      return {
        headers,
        run: (work) => traceScope.run({ headers, traceId }, work),
        end: endOf(span, api.SpanStatusCode.ERROR),
      };
    },
    async close() {
      await Promise.race([
        provider.shutdown().catch((error: unknown) => failures.failed(error, 0)),
        delay(closeMs, undefined, { ref: false }),
      ]);
    },
  };
}

const endOf =
  (span: OpenSpan, failed: SpanStatusCode): Span['end'] =>
  ({ name, attributes = {}, error } = {}) => {
    if (!span.isRecording()) return;
    if (name !== undefined) span.updateName(name);
    span.setAttributes(present(attributes));
    if (error !== undefined) {
      const message = error instanceof Error ? error.message : typeof error === 'string' ? error : 'failed';
      span.setStatus({ code: failed, message: message.slice(0, 200) });
    }
    span.end();
  };

const present = (attributes: SpanAttributes): Record<string, string | number | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number | boolean] => {
      return entry[1] !== undefined;
    }),
  );
