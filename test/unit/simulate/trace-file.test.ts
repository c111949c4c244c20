import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { SegueError } from '../../../src/ops/errors.ts';
import { newRequestReader, traceOfLog } from '../../../src/simulate/access-log.ts';
import { linesIn } from '../../../src/simulate/lines.ts';
import { linesOf, traceOf } from '../../../src/simulate/trace-file.ts';
import { anyTrace } from './any-trace.ts';

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

test('whatever trace is written reads back the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyTrace, async (trace) => {
      expect(await traceOf(each([...linesOf(trace)]), 'file')).toEqual(trace);
    }),
  );
});

test('lines come out whole however the text was cut, and one without end is refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', '\n', '\r\n', 'ü', ''), { maxLength: 30 }),
      async (pieces) => {
        const lines: string[] = [];
        for await (const line of linesIn(each(pieces), 'file')) lines.push(line);
        const expected = pieces.join('').split(/\r?\n/);
        if (expected.at(-1) === '') expected.pop();
        expect(lines).toEqual(expected);
      },
    ),
  );
  const endless = linesIn(
    each(['first\n', ...Array.from({ length: 20 }, () => 'x'.repeat(100_000))]),
    'file',
  );
  await expect(traceOf(endless, 'file')).rejects.toThrow('line 1 is not JSON');
  const second = linesIn(each(Array.from({ length: 20 }, () => 'x'.repeat(100_000))), 'file');
  await expect(traceOf(second, 'file')).rejects.toThrow('line 1 has more than 1000000 characters');
});

const head = '{"type":"trace","version":1,"start":"2026-01-05T00:00:00Z","seconds":100}';
const video =
  '{"type":"video","id":"v","seconds":10,"segments":2,"cpuSeconds":1,"renditions":[{"name":"a","bytes":1}]}';

describe('a trace file that is wrong is refused with its line:', () => {
  it.each([
    ['empty', [], 'file is empty'],
    ['no head', [video], 'line 1: the first line has to be'],
    ['two heads', [head, '', head], 'line 3: type: only the first line is a trace'],
    ['not JSON', [head, '{'], 'line 2 is not JSON'],
    ['an unknown type', [head, '{"type":"vieuw"}'], 'line 2: type: expected one of'],
    ['a wrong field', [head, '{"type":"loss","at":-1,"node":0}'], 'line 2: at: expected at least 0, got -1'],
    ['a node too many', [head, '{"type":"loss","at":1,"node":2}'], 'line 2: node: expected less than 2'],
    ['a video twice', [head, video, video], 'line 3: id: v was described before'],
    [
      'a view of nothing',
      [head, '{"type":"view","at":1,"video":"x","to":3}'],
      'line 2: video: no line before this one describes x',
    ],
    [
      'a view after the end',
      [head, video, '{"type":"view","at":1,"video":"v","from":10,"to":12}'],
      'line 3: from: 10 is not before',
    ],
  ])('%s', async (_name, texts, problem) => {
    await expect(traceOf(each(texts), 'file')).rejects.toThrow(problem);
  });
});

test('a trace that was damaged anywhere is read, or refused with a line', async () => {
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.nat(), fc.nat({ max: 20 }), fc.string(), async (trace, place, cut, put) => {
      const text = [...linesOf(trace)].join('\n');
      const at = place % text.length;
      const broken = text.slice(0, at) + put + text.slice(at + cut);
      const read = await traceOf(each(broken.split('\n')), 'file').catch((error: unknown) => error);
      if (!(read instanceof Error)) return;
      expect(read).toBeInstanceOf(SegueError);
      expect(read.message).toMatch(/^file(, line \d+| is empty)/);
    }),
    { numRuns: 300 },
  );
});

test('no line of a log does harm', async () => {
  const line =
    '10.0.0.1 - - [05/Jan/2026:10:00:00 +0100] "GET /v/abc/720p/0.m4s HTTP/1.1" 200 17 "-" "player"';
  const own = '{"time":"2026-01-05T00:00:00Z","method":"GET","path":"/v/abc/720p/0.m4s","status":200}';
  const caddy =
    '{"ts":1767571200.5,"request":{"method":"GET","uri":"/v/abc/720p/0.m4s"},"status":200,"size":17}';
  const cloudflare =
    '{"EdgeStartTimestamp":1767571200000000000,"ClientRequestURI":"/v/abc/720p/0.m4s","EdgeResponseStatus":200}';
  const s3 =
    'a1 b [05/Jan/2026:10:00:00 +0000] 10.0.0.1 - 3E57 REST.GET.OBJECT v/abc/720p/0.m4s "GET /x HTTP/1.1" 200 - 17';
  const fields = '#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes';
  const w3c = '2026-01-05\t10:00:00\t10.0.0.1\tGET\t/v/abc/720p/0.m4s\t200\t17';
  fc.assert(
    fc.property(
      fc.constantFrom(line, own, caddy, cloudflare, s3, fields, w3c),
      fc.nat(),
      fc.nat({ max: 9 }),
      fc.string(),
      (good, place, cut, put) => {
        const at = place % good.length;
        const requestOn = newRequestReader();
        const broken = good.slice(0, at) + put + good.slice(at + cut);
        const request = [fields, broken, w3c].map(requestOn)[good === fields ? 2 : 1];
        if (request === undefined) return;
        expect(Number.isFinite(request.at)).toBe(true);
        expect(request.n).toBeLessThan(1_000_000);
      },
    ),
    { numRuns: 3000 },
  );
  const assumed = { segmentSeconds: 4, cpuPerSecond: 2, nodes: 3, diskBytes: 1e9 };
  await expect(traceOfLog(each([]), 'log', assumed)).rejects.toThrow('log is empty');
  await expect(traceOfLog(each(['', 'what', 'ever']), 'log', assumed)).rejects.toThrow(
    'log has no line about a segment in 3; line 2 is "what"',
  );
  const { events } = await traceOfLog(each(['what', line, '\u0000'.repeat(9000), own]), 'log', assumed);
  expect(events.length).toBe(2);
});
