import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createLog } from '../../../src/ops/log.ts';
import { openTracing } from '../../../src/ops/otlp.ts';
import { traceScope } from '../../../src/ops/trace-scope.ts';
import { tracedFetch } from '../../../src/ops/traced-fetch.ts';
import { startCollector, upwards } from '../../support/collector.ts';
import { until } from '../../support/wait.ts';

const silent = createLog('test', 'silent');
const process = { service: 'segue-test', instance: 'one' };
const open = async (url: string, log = silent) => {
  const tracing = await openTracing(url, process, log);
  if (tracing === undefined) throw new Error('no traces');
  return tracing;
};

test('without a collector there is nothing', async () => {
  expect(await openTracing(undefined, process, silent)).toBeUndefined();
});

test('spans hang where they are begun: in code that runs in a span, or below headers', async () => {
  await using collector = await startCollector();
  const tracing = await open(`${collector.url}/v1/traces`);
  const outer = tracing.begin('outer', { kind: 'server', parent: { traceparent: 'nonsense' } });
  await outer.run(async () => {
    await Promise.resolve();
    expect(tracing.current()).toBe(outer.headers);
    expect(outer.headers['traceparent']).toContain(traceScope.getStore()?.traceId);
    const inner = tracing.begin('inner', { attributes: { n: 1, nothing: undefined } });
    inner.end({ error: new Error('it failed') });
    inner.end();
  });
  expect(tracing.current()).toBeUndefined();
  tracing.begin('elsewhere', { parent: outer.headers }).end({ name: 'renamed' });
  outer.run(() => tracing.begin('root', { parent: {}, link: outer.headers }).end());
  outer.end();
  await tracing.close();
  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  expect(collector.spans).toHaveLength(4);
  const [inner] = named('inner');
  expect(inner).toMatchObject({ attributes: { n: 1 }, status: { code: 2 }, service: 'segue-test' });
  if (inner === undefined) throw new Error('not sent');
  expect(upwards(collector.spans, inner).map(({ name }) => name)).toEqual(['inner', 'outer']);
  expect(named('renamed')[0]?.parentSpanId).toBe(named('outer')[0]?.spanId);
  expect(named('root')[0]?.traceId).not.toBe(named('outer')[0]?.traceId);
  expect(named('root')[0]?.links).toMatchObject([{ traceId: named('outer')[0]?.traceId }]);
});

test('a call inside a span carries it, and its query is not told', async () => {
  await using collector = await startCollector();
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers['traceparent'] as string | undefined);
    response.writeHead(request.url?.startsWith('/broken') === true ? 500 : 200).end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tracing = await open(`${collector.url}/v1/traces`);
  const call = tracedFetch(tracing, fetch);
  expect(tracedFetch(undefined, fetch)).toBe(fetch);
  await call(`${url}/outside`);
  const span = tracing.begin('request');
  await span.run(() => call(`${url}/s/1.m4s?e=1&s=signature`, { headers: { authorization: 'Bearer hush' } }));
  await span.run(() => call(`${url}/broken`));
  server.close();
  server.closeAllConnections();
  await span.run(() => expect(call(`${url}/gone`)).rejects.toThrow());
  span.end();
  await tracing.close();
  const calls = collector.spans.filter(({ name }) => name === 'GET');
  expect(calls.map(({ attributes, status }) => [attributes['url.path'], status.code ?? 0])).toEqual([
    ['/s/1.m4s', 0],
    ['/broken', 2],
    ['/gone', 2],
  ]);
  expect(seen).toEqual([
    undefined,
    ...calls.slice(0, 2).map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
  ]);
  expect(collector.received.join()).not.toMatch(/signature|hush/);
});

test('a collector that is away holds up nobody: spans are dropped, the log says so, closing is quick', async () => {
  const lines: string[] = [];
  const log = createLog('test', 'warn', { write: (text: string) => lines.push(text) });
  // Accepts connections and answers nothing.
  const silence = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silence, 'listening');
  const tracing = await open(`http://127.0.0.1:${(silence.address() as AddressInfo).port}/v1/traces`, log);
  for (let n = 0; n < 10_000; n += 1) tracing.begin('span').end();
  const closing = performance.now();
  await tracing.close();
  expect(performance.now() - closing).toBeLessThan(10_000);
  silence.close();
  silence.closeAllConnections();

  const refused = await open('http://127.0.0.1:1/v1/traces', log);
  for (let n = 0; n < 600; n += 1) refused.begin('span').end();
  await until(() => lines.some((line) => line.includes('sending traces failed')), {
    what: 'the log says it',
    timeout: 60_000,
  });
  await refused.close();
});
