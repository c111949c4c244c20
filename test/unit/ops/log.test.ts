import { expect, test } from 'vitest';
import { createLog, plainLine } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { traceScope } from '../../../src/ops/trace-scope.ts';

test('one JSON object a line, with secrets hidden', () => {
  const lines: string[] = [];
  const log = createLog('node-1', 'info', { write: (text: string) => lines.push(text) });
  log.debug('not shown');
  log.info({ config: { secret: 'hush', bucket: 'videos' }, n: 4 }, 'segment made');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(line).toMatchObject({ level: 'info', part: 'node-1', msg: 'segment made', n: 4 });
  expect(line['config']).toEqual({ secret: '***', bucket: 'videos' });
  expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test('a line is bounded, whatever somebody sent', () => {
  const lines: string[] = [];
  const log = createLog('node-1', 'info', { write: (text: string) => lines.push(text) });
  const long = 'x'.repeat(1_000_000);
  const deep: Record<string, unknown> = {};
  deep['deep'] = deep;
  const err = Object.assign(new Error(long), {
    problems: Array.from({ length: 1000 }, () => long),
    hint: 'short',
  });
  log.error({ path: long, list: Array.from({ length: 1000 }, () => 'entry'), deep, err }, 'request failed');
  expect(lines[0]?.length).toBeLessThan(250_000);
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(line).toMatchObject({ path: `${'x'.repeat(1000)}…`, err: { hint: 'short' } });
  expect(line['list']).toHaveLength(50);
});

test('a line that belongs to a trace names it', () => {
  const lines: string[] = [];
  const log = createLog('node-1', 'info', { write: (text: string) => lines.push(text) });
  traceScope.run({ headers: {}, traceId: 'abc' }, () => log.info('inside'));
  log.info('outside');
  expect(lines.map((text) => (JSON.parse(text) as { traceId?: string }).traceId)).toEqual(['abc', undefined]);
});

test('plain lines on a terminal', () => {
  const lines: string[] = [];
  const log = createLog('node-1', 'info', { isTTY: true, write: (text: string) => lines.push(text) });
  log.warn({ err: new Error('no route'), n: 4, where: 'bucket' }, 'upload failed');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} warn {2}node-1: upload failed n=4 where=bucket error=no route\n$/,
  );
  expect(plainLine('{"time":"2026-01-02T03:04:05.678Z","level":"info","msg":"hello"}')).toBe(
    '03:04:05.678 info  hello\n',
  );
});

test('what strangers wrote cannot act on the terminal, or look like a line of its own', () => {
  const lines: string[] = [];
  const log = createLog('node-1', 'info', { isTTY: true, write: (text: string) => lines.push(text) });
  const evil = 'x\n00:00:00.000 info  all is well\u001b[2J\u009b31m\u202e';
  log.warn({ err: new Error(evil), path: evil }, evil);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/[\p{Cc}\u202e]./u);
  expect(lines[0]).toContain(String.raw`x\u000a00:00:00.000 info  all is well\u001b[2J\u009b31m\u202e`);
});

test('metrics are text that Prometheus reads', async () => {
  const metrics = createMetrics({ process: false });
  metrics.counter('segments_total', 'Segments made', ['rendition']).inc({ rendition: '720p' }, 3);
  metrics.gauge('holds', 'Requests held', [], (gauge) => gauge.set(7));
  metrics.histogram('copy_seconds', 'Time of a copy', [], [1, 2]).observe(1.5);
  const text = await metrics.text();
  expect(text).toContain('segue_segments_total{rendition="720p"} 3');
  expect(text).toContain('segue_holds 7');
  expect(text).toContain('segue_copy_seconds_bucket{le="2"} 1');
  expect(metrics.contentType).toContain('text/plain');
});
