import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { printReport } from '../../../src/verify/print.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { at, edit, goodStream, serveFiles, setSegment } from './stream-fixture.ts';

const video = '/720p/media.m3u8';

describe('verifyStream', () => {
  it('reports what it has when time is up, and blames nothing else', async () => {
    const files = goodStream();
    files.set('/cdn/3.m4s', { ...at(files, '/720p/3.m4s'), hangs: true });
    const kept = { 'access-control-allow-origin': '*', 'cache-control': 'no-store' };
    const headers = { ...kept, location: '/cdn/3.m4s' };
    files.set('/720p/3.m4s', { status: 307, headers, body: Buffer.alloc(0) });
    at(files, '/720p/4.m4s').hangs = true;
    at(files, '/audio/init.mp4').hangs = true;
    await using server = await serveFiles(files);
    const url = `${server.url}/index.m3u8`;
    const report = await verifyStream(url, { timeMs: 3000, concurrency: 16 }, AbortSignal.timeout(20_000));
    expect(report.findings.map(({ check, message }) => [check, message])).toEqual([
      ['verify.time', 'it took longer than 3 s: the rest was not looked at'],
    ]);
    expect([report.result, report.sampled]).toEqual(['warning', true]);
    expect(printReport(report)).toContain('Everything was looked at in time  [verify.time;');
  });

  it('ends a watch when time is up', async () => {
    const files = goodStream();
    edit(files, video, '#EXT-X-ENDLIST\n', '');
    await using server = await serveFiles(files);
    const options = { timeMs: 3000, watchMs: 600_000 };
    const report = await verifyStream(`${server.url}${video}`, options, AbortSignal.timeout(20_000));
    expect(report.findings.map(({ check }) => check)).toContain('verify.time');
    expect(report.renditions[0]?.watch).toMatchObject({ ended: false });
  });

  it('asks for so many things at once, playlists of several hosts too', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo;
      if (request.url === '/ping') response.end();
      else if (request.url === '/index.m3u8') {
        const variants = [2, 3, 4, 5].map(
          (n) => `#EXT-X-STREAM-INF:BANDWIDTH=${n}\nhttp://127.0.0.${n}:${port}/${n}.m3u8\n`,
        );
        response.end(`#EXTM3U\n${variants.join('')}`);
      } else {
        waiting.push(response);
        most = Math.max(most, waiting.length);
        if (waiting.length === 2) void release(`http://127.0.0.1:${port}/ping`);
      }
    });
    /** Answers once whatever else was asked for has had its time to come. */
    const release = async (ping: string): Promise<void> => {
      for (let turn = 0; turn < 10; turn += 1) await fetch(ping);
      for (const response of waiting.splice(0)) response.writeHead(404).end();
    };
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/index.m3u8`;
      const report = await verifyStream(url, { concurrency: 2 }, AbortSignal.timeout(20_000));
      expect(report.checks.find(({ id }) => id === 'http.status')?.findings).toBe(4);
      expect(most).toBe(2);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('reads each version of a growing list as it read the first', async () => {
    const files = goodStream();
    const head = '#EXT-X-DEFINE:NAME="three",VALUE="3"';
    edit(files, video, 'VERSION:7', `VERSION:8\n#EXT-X-INDEPENDENT-SEGMENTS\n${head}`);
    edit(files, video, '3.m4s', '{$three}.m4s');
    edit(files, video, 'TYPE:VOD', 'TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES');
    edit(files, video, '#EXT-X-ENDLIST\n', '');
    at(files, video).headers['cache-control'] = 'no-cache';
    setSegment(files, '720p', 8, undefined, {});
    let isGrown = false;
    const onProgress = () => {
      if (isGrown) return;
      isGrown = true;
      const more = '#EXTINF:1.000000,\n#EXT-X-BYTERANGE:many\n8.m4s\n#EXT-X-ENDLIST\n';
      edit(files, video, /7\.m4s\n$/, `7.m4s\n${more}`);
    };
    await using server = await serveFiles(files);
    const options = { watchMs: 60_000, onProgress };
    const report = await verifyStream(`${server.url}${video}`, options, AbortSignal.timeout(20_000));
    expect(report.renditions[0]).toMatchObject({ fetched: 9, watch: { appended: 1, ended: true } });
    expect(report.findings.map(({ check, line }) => [check, line])).toEqual([['m3u8.byterange', 27]]);
  });
});
