import { describe, expect, it, test } from 'vitest';
import { newRequestReader, traceOfLog } from '../../../src/simulate/access-log.ts';

async function* lines(...texts: string[]): AsyncGenerator<string> {
  yield* texts;
}

const assumed = { segmentSeconds: 4, cpuPerSecond: 2, nodes: 3, diskBytes: 1e9 };
const requestsOn = (...texts: string[]) => texts.map(newRequestReader());
const at = Date.UTC(2026, 0, 5, 10);

describe('W3C extended log format', () => {
  const fields =
    '#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken';
  const cloudfront = (method: string, path: string, status: string, bytes = '900512') =>
    `2026-01-05\t10:00:00\tFRA56-P2\t${bytes}\t192.0.2.10\t${method}\td111111abcdef8.cloudfront.net\t${path}\t${status}\thttps://example.com/\tMozilla/5.0%20(X11;%20Linux)\tt=1\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\tcdn.example\thttps\t23\t0.001`;

  it('is read as CloudFront writes it: with tabs, and encoded once more', () => {
    const found = requestsOn(
      '#Version: 1.0',
      fields,
      cloudfront('GET', '/v/abc%2520d/720p/12.m4s', '200'),
      cloudfront('GET', '/v/a%ZZ/720p/3.m4s', '206', '-'),
      cloudfront('GET', '/v/abc/720p/4.m4s', '307', '120'),
      cloudfront('HEAD', '/v/abc/720p/5.m4s', '200'),
      cloudfront('GET', '/v/abc/720p/6.m4s', '403'),
      cloudfront('GET', '/v/abc/720p/7.m4s', '000', '0'),
      cloudfront('GET', '/v/abc/index.m3u8', '200'),
    );
    const client = '192.0.2.10 Mozilla/5.0%20(X11;%20Linux)';
    expect(found.filter((one) => one !== undefined)).toEqual([
      { at, video: '/v/abc%20d', rendition: '720p', n: 12, bytes: 900_512, client },
      { at, video: '/v/a%ZZ', rendition: '720p', n: 3, bytes: undefined, client },
      { at, video: '/v/abc', rendition: '720p', n: 4, bytes: undefined, client },
    ]);
  });

  it('is read as others write it: with spaces, quotes, or the day in a line of its own', () => {
    const [, iis, , , , quoted] = requestsOn(
      '#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status sc-bytes',
      '2026-01-05 10:00:00 10.0.0.9 GET /show/hd/segment_00017.ts - 443 192.0.2.10 VLC/3.0+LibVLC 200 1000',
      '#Software: another',
      '#Date: 2026-01-05 09:00:00',
      '#Fields: time cs-method cs(User-Agent) cs-uri sc-status',
      '10:00:00 GET "a ""player"" of mine" /show/hd/18.ts 200',
    );
    expect(iis).toMatchObject({ at, video: '/show', rendition: 'hd', n: 17, bytes: 1000 });
    expect(iis?.client).toBe('192.0.2.10 VLC/3.0+LibVLC');
    expect(quoted).toEqual({
      at,
      video: '/show',
      rendition: 'hd',
      n: 18,
      bytes: undefined,
      client: undefined,
    });
  });

  it('says nothing without the line that names its columns, or without time or status', async () => {
    const line = cloudfront('GET', '/v/abc/720p/1.m4s', '200');
    expect(requestsOn(line)).toEqual([undefined]);
    expect(requestsOn('#Fields:', line).at(-1)).toBeUndefined();
    expect(
      requestsOn('#Fields: cs-method cs-uri-stem sc-status', 'GET /a/b/1.ts 200').at(-1),
    ).toBeUndefined();
    await expect(traceOfLog(lines('#Version: 1.0', line), 'log', assumed)).rejects.toThrow(
      'log has no line about a segment in 2; line 2 is "2026-01-05\\t10:00:00',
    );
    await expect(traceOfLog(lines('#Version: 1.0', fields), 'log', assumed)).rejects.toThrow(
      'in 2; all are empty or comments',
    );
  });
});

test('access logs of S3 name what was read by its key', () => {
  const line = (operation: string, key: string, status: string, bytes: string) =>
    `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be media [05/Jan/2026:10:00:00 +0000] 192.0.2.3 - 3E57427F3EXAMPLE ${operation} ${key} "GET /media/${key}?x-id=GetObject HTTP/1.1" ${status} ${status === '200' ? '-' : 'NoSuchKey'} ${bytes} 900000 7 6 "-" "hls.js player" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader media.s3.eu-central-1.amazonaws.com TLSv1.2 - -`;
  const found = requestsOn(
    line('REST.GET.OBJECT', 'renders/r1/720p/12.m4s', '200', '900000'),
    line('WEBSITE.GET.OBJECT', 'renders/r1/720p/13.m4s', '200', '-'),
    line('REST.GET.OBJECT', 'renders/r1/720p/14.m4s', '404', '273'),
    line('REST.PUT.OBJECT', 'renders/r1/720p/15.m4s', '200', '-'),
    line('REST.GET.BUCKET', '-', '200', '500'),
  );
  const same = { at, video: '/renders/r1', rendition: '720p', client: '192.0.2.3 hls.js player' };
  expect(found.filter((one) => one !== undefined)).toEqual([
    { ...same, n: 12, bytes: 900_000 },
    { ...same, n: 13, bytes: undefined },
  ]);
});

test('lines of Caddy', () => {
  const line = (request: object, rest: object = {}) =>
    JSON.stringify({
      level: 'info',
      ts: 1_767_607_200.5241,
      logger: 'http.log.access.log0',
      msg: 'handled request',
      request: {
        remote_ip: '10.0.0.1',
        remote_port: '41342',
        proto: 'HTTP/2.0',
        method: 'GET',
        host: 'cdn.example',
        uri: '/v/abc/720p/12.m4s?t=1',
        headers: { 'User-Agent': ['curl/8.5.0'], Accept: ['*/*'] },
        ...request,
      },
      bytes_read: 0,
      user_id: '',
      duration: 0.000929675,
      size: 900_000,
      status: 200,
      resp_headers: { Server: ['Caddy'] },
      ...rest,
    });
  const [plain, proxied, iso, ...none] = requestsOn(
    line({}),
    line({ client_ip: '192.0.2.10', headers: undefined }),
    line({}, { ts: '2026-01-05T10:00:00Z' }),
    line({ method: 'POST' }),
    line({}, { status: 404 }),
    line({}, { ts: 'today' }),
    line({}, { ts: -5 }),
    line({}, { ts: 1e300 }),
  );
  const same = { video: '/v/abc', rendition: '720p', n: 12, bytes: 900_000 };
  expect(plain).toEqual({ ...same, at: at + 524, client: '10.0.0.1 curl/8.5.0' });
  expect(proxied?.client).toBe('192.0.2.10 ');
  expect(iso?.at).toBe(at);
  expect(none).toEqual(none.map(() => undefined));
});

describe('lines of Cloudflare Logpush', () => {
  it.each([
    ['RFC 3339', '2026-01-05T10:00:00Z'],
    ['seconds', at / 1000],
    ['milliseconds', at],
    ['nanoseconds', at * 1e6],
  ])('with times in %s', (_name, EdgeStartTimestamp) => {
    const line = {
      ClientIP: '192.0.2.10',
      ClientRequestHost: 'cdn.example',
      ClientRequestMethod: 'GET',
      ClientRequestURI: '/v/abc/720p/12.m4s?t=1',
      ClientRequestUserAgent: 'hls.js',
      EdgeEndTimestamp: EdgeStartTimestamp,
      EdgeResponseBytes: 900_512,
      EdgeResponseStatus: 200,
      EdgeStartTimestamp,
      RayID: '3a6050bcbe121a87',
    };
    const { ClientIP, ClientRequestMethod, EdgeResponseBytes, ...least } = line;
    const [found, leastFound, ...none] = requestsOn(
      JSON.stringify(line),
      JSON.stringify(least),
      JSON.stringify({ ...line, ClientRequestMethod: 'HEAD' }),
      JSON.stringify({ ...line, EdgeResponseStatus: 499 }),
    );
    const same = { at, video: '/v/abc', rendition: '720p', n: 12 };
    expect(found).toEqual({ ...same, bytes: EdgeResponseBytes, client: `${ClientIP} hls.js` });
    expect(leastFound).toEqual({ ...same, bytes: undefined, client: undefined });
    expect(none).toEqual([undefined, undefined]);
    expect(ClientRequestMethod).toBe('GET');
  });
});
