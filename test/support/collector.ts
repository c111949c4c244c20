import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

const valueSchema = z
  .object({
    stringValue: z.string().optional(),
    intValue: z.union([z.number(), z.string()]).optional(),
    doubleValue: z.number().optional(),
    boolValue: z.boolean().optional(),
  })
  .transform((value) => Object.values(value).find((one) => one !== undefined));
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .default([])
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));
const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  attributes: attributesSchema,
  links: z.array(z.object({ traceId: z.string() })).default([]),
  status: z.object({ code: z.number().optional() }).default({}),
});
/** ExportTraceServiceRequest of OTLP, in JSON. */
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

/** A span as it was received, with the process that sent it. */
export type SeenSpan = z.output<typeof spanSchema> & { readonly service: unknown };

/** Receives traces by OTLP over HTTP, in JSON. */
export interface Collector extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: SeenSpan[];
  /** Everything that was sent, as it came. */
  readonly received: string[];
}

/** Starts a collector on a free port. */
export async function startCollector(): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const received: string[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const isOurs = request.url === '/v1/traces' && request.headers['content-type'] === 'application/json';
      if (!isOurs) return response.writeHead(415).end();
      received.push(body.toString());
      for (const { resource, scopeSpans } of exportSchema.parse(JSON.parse(body.toString())).resourceSpans)
        for (const span of scopeSpans.flatMap((scope) => scope.spans))
          spans.push({ ...span, service: resource.attributes['service.name'] });
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    received,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A span and those above it, up to the first whose parent was not received. */
export function upwards(spans: readonly SeenSpan[], from: SeenSpan): SeenSpan[] {
  const parent = spans.find(
    ({ spanId, traceId }) => spanId === from.parentSpanId && traceId === from.traceId,
  );
  return parent === undefined ? [from] : [from, ...upwards(spans, parent)];
}
