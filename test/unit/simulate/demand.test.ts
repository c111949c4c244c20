import { describe, expect, it, test } from 'vitest';
import { newRequestReader, traceOfLog } from '../../../src/simulate/access-log.ts';
import { linesOf, traceOf } from '../../../src/simulate/trace-file.ts';
import { makeTrace, workloads } from '../../../src/simulate/workloads/workload.ts';

async function* lines(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

const assumed = { segmentSeconds: 4, cpuPerSecond: 2, nodes: 3, diskBytes: 1e9 };

describe('a made-up workload', () => {
  it.each(workloads.map((workload) => [workload.name, workload] as const))(
    '%s is the same each time, in order, and reads back',
    async (_name, workload) => {
      const trace = makeTrace(workload, { videos: 200, days: 3 });
      expect(makeTrace(workload, { videos: 200, days: 3 })).toEqual(trace);
      expect(makeTrace(workload, { videos: 200, days: 3, seed: 2 }).events).not.toEqual(trace.events);
      const times = trace.events.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times.length).toBeGreaterThan(200);
      expect(await traceOf(lines(...linesOf(trace)), 'file')).toEqual(trace);
    },
  );

  test('watched-once has about half of its videos watched once', () => {
    const workload = workloads.find(({ name }) => name === 'watched-once');
    if (workload === undefined) throw new Error('none');
    const views = new Map<number, number>();
    for (const event of makeTrace(workload, { videos: 4000, days: 300 }).events)
      if (event.kind === 'view') views.set(event.video, (views.get(event.video) ?? 0) + 1);
    const once = [...views.values()].filter((count) => count === 1).length / views.size;
    expect(once).toBeGreaterThan(0.45);
    expect(once).toBeLessThan(0.58);
  });
});

test('combined access logs become views: segments that follow each other, by client', async () => {
  const line = (client: string, time: string, path: string, status = 200, bytes = 1000) =>
    `${client} - - [05/Jan/2026:${time} +0100] "GET ${path} HTTP/1.1" ${status} ${bytes} "-" "player"`;
  const trace = await traceOfLog(
    lines(
      line('10.0.0.1', '10:00:00', '/v/abc/720p/0.m4s?x=1'),
      line('10.0.0.1', '10:00:00', '/v/abc/audio/0.m4s', 200, 100),
      line('10.0.0.2', '10:00:01', '/v/abc/720p/0.m4s'),
      line('10.0.0.1', '10:00:04', '/v/abc/720p/1.m4s', 200, 3000),
      line('10.0.0.1', '10:00:05', '/v/abc/720p/2.m4s', 404),
      line('10.0.0.1', '10:00:05', '/v/abc/index.m3u8'),
      'nonsense',
      line('10.0.0.1', '10:09:00', '/v/abc/720p/3.m4s', 206, 2000),
    ),
    'log',
    assumed,
  );
  expect(trace.startedAt).toBe(Date.UTC(2026, 0, 5, 9));
  expect(trace.events.map((event) => ('from' in event ? [event.at, event.from, event.to] : []))).toEqual([
    [0, 0, 8],
    [1, 0, 4],
    [540, 12, 16],
  ]);
  expect(trace.videos).toEqual([
    {
      id: '/v/abc',
      labels: [],
      seconds: 16,
      size: 720,
      segments: 4,
      cpuSeconds: 32,
      renditions: [
        { name: '720p', kind: 'video', bytes: 7000 },
        { name: 'audio', kind: 'audio', bytes: 400 },
      ],
    },
  ]);
});

test('lines of the playlist service name no client: who goes on where a view had come to is the same', async () => {
  const line = (second: number, n: number, rendition = '720p') =>
    JSON.stringify({
      time: new Date(Date.UTC(2026, 0, 5) + second * 1000).toISOString(),
      level: 'info',
      method: 'GET',
      path: `/v/abc/${rendition}/${n}.m4s`,
      status: n % 2 === 0 ? 200 : 307,
      msg: 'request',
    });
  const trace = await traceOfLog(
    lines(line(0, 0), line(0, 0, 'audio'), line(4, 1), line(5, 0), line(8, 2), line(9, 1), '{"broken'),
    'log',
    assumed,
  );
  expect(trace.events.map((event) => ('from' in event ? [event.from, event.to] : []))).toEqual([
    [0, 12],
    [0, 8],
  ]);
  await expect(traceOfLog(lines('nothing'), 'log', assumed)).rejects.toThrow('no line about a segment');
});

test('paths of other packagers are segments as well', () => {
  const request = (path: string) =>
    newRequestReader()(`h - - [05/Jan/2026:10:00:00 +0000] "GET ${path} HTTP/1.1" 200 5`);
  expect(request('/renders/r1/720p/12.m4s')).toMatchObject({
    video: '/renders/r1',
    rendition: '720p',
    n: 12,
  });
  expect(request('https://cdn.example/show/hd/segment_00017.ts')).toMatchObject({
    video: '/show',
    rendition: 'hd',
    n: 17,
  });
  expect(request('/show/hd/init.mp4')).toBeUndefined();
  expect(request('/show/hd/playlist.m3u8')).toBeUndefined();
});
