import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { publicAddressCheck } from '../../../src/asset/addresses.ts';
import { allowanceOf, type FetchRules, fetchRemote } from '../../../src/asset/fetch.ts';
import { forever, serve } from './kit.ts';

const body = Buffer.alloc(300_000, 'segue');

async function fetchAll(
  src: string,
  rules: Partial<FetchRules>,
  signal: AbortSignal = forever,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of fetchRemote(
    src,
    { hosts: [], maxBytes: 1_000_000, maxMs: 20_000, ...rules },
    signal,
  ))
    parts.push(part);
  return Buffer.concat(parts);
}
const resolvesTo =
  (...addresses: string[]) =>
  async () =>
    addresses;
const answer: RequestListener = (_request, response) => void response.end(body);

describe('an address', () => {
  const isPublic = publicAddressCheck();
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true);
  });
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'not an address',
  ])('%s is not', (address) => {
    expect(isPublic(address)).toBe(false);
  });
});

describe('a host', () => {
  it.each([
    ['https://media.example.org/a', ['media.example.org'], 'public'],
    ['https://MEDIA.example.org./a', ['Media.example.org'], 'public'],
    ['https://a.b.example.net/', ['*.example.net'], 'public'],
    ['https://example.net/', ['*.example.net'], 'none'],
    ['https://evilexample.net/', ['*.example.net'], 'none'],
    ['https://media.example.org:8443/', ['media.example.org'], 'none'],
    ['https://media.example.org:8443/', ['media.example.org:8443'], 'any'],
    ['https://media.example.org/', ['media.example.org:8443'], 'none'],
    ['https://media.example.org/', ['media.example.org', 'media.example.org:443'], 'any'],
    ['http://media.example.org/', ['media.example.org:443'], 'none'],
    ['https://media.example.org.evil.net/', ['media.example.org'], 'none'],
    ['https://anything/', [], 'none'],
  ])('%s with %j: %s', (url, hosts, allowance) => {
    expect(allowanceOf(new URL(url), hosts)).toBe(allowance);
  });
});

describe('fetchRemote', () => {
  it('fetches from a host that is named with its port', async () => {
    await using server = await serve(answer);
    const got = await fetchAll(`http://${server.host}/a.mp4`, { hosts: [server.host] });
    expect(createHash('sha256').update(got).digest('hex')).toBe(
      createHash('sha256').update(body).digest('hex'),
    );
  });

  it.each([
    ['a private address by name', 'http://media.example.org/x', resolvesTo('10.0.0.7')],
    ['the metadata service', 'http://media.example.org/x', resolvesTo('169.254.169.254')],
    [
      'a private address beside a public one',
      'http://media.example.org/x',
      resolvesTo('8.8.8.8', '127.0.0.1'),
    ],
    ['loopback over IPv6', 'http://media.example.org/x', resolvesTo('::1')],
    ['IPv4 in IPv6', 'http://media.example.org/x', resolvesTo('::ffff:127.0.0.1')],
    ['a literal that is allowed without its port', 'http://127.0.0.1/x', resolvesTo()],
    ['a number that is an address', 'http://2130706433/x', resolvesTo()],
    ['an octal address', 'http://0177.0.0.1/x', resolvesTo()],
    ['a literal IPv6 loopback', 'http://[::1]/x', resolvesTo()],
  ])('refuses %s', async (_name, src, resolve) => {
    const hosts = ['media.example.org', '127.0.0.1', '::1'];
    await expect(fetchAll(src, { hosts, resolve })).rejects.toMatchObject({
      code: 'asset_refused',
      message: expect.stringContaining('is at a private address') as string,
    });
  });

  it.each([
    ['http://elsewhere.example/x', 'the operator does not allow elsewhere.example'],
    ['http://user:secret@media.example.org/x', 'a URL with a user or password is not fetched'],
    ['file:///etc/passwd', 'file: is not fetched; use https:'],
  ])('refuses %s', async (src, message) => {
    await expect(
      fetchAll(src, { hosts: ['media.example.org'], resolve: resolvesTo('8.8.8.8') }),
    ).rejects.toMatchObject({ code: 'asset_refused', message });
  });

  it('connects to the address that was checked, and asks for it once', async () => {
    await using server = await serve((request, response) => void response.end(request.headers.host));
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [asked === 1 ? '127.0.0.1' : '10.255.255.1'];
    };
    const host = `rebinding.example:${server.port}`;
    expect((await fetchAll(`http://${host}/`, { hosts: [host], resolve })).toString()).toBe(host);
    expect(asked).toBe(1);
  });

  it.each([
    ['another host', 'http://internal.example/', 'the operator does not allow internal.example'],
    ['another port', 'http://127.0.0.1:1/', 'the operator does not allow 127.0.0.1:1'],
    ['a file', 'file:///etc/passwd', 'file: is not fetched; use https:'],
  ])('does not follow a redirect to %s', async (_name, location, message) => {
    await using server = await serve(
      (_request, response) => void response.writeHead(302, { location }).end(),
    );
    await expect(fetchAll(`http://${server.host}/`, { hosts: [server.host] })).rejects.toMatchObject({
      message,
    });
  });

  it('follows redirects that are allowed, but not for ever', async () => {
    await using server = await serve((request, response) => {
      const hops = Number(request.url?.slice(1));
      if (hops === 0) response.end('there');
      else response.writeHead(302, { location: `/${hops - 1}` }).end();
    });
    expect((await fetchAll(`http://${server.host}/5`, { hosts: [server.host] })).toString()).toBe('there');
    await expect(fetchAll(`http://${server.host}/6`, { hosts: [server.host] })).rejects.toMatchObject({
      message: 'more than 5 redirects',
    });
  });

  it('stops at the limit, whether the length is announced or not', async () => {
    let sent = 0;
    await using server = await serve((request, response) => {
      if (request.url === '/announced') {
        response.writeHead(200, { 'content-length': '5000000000' }).write('x');
        return;
      }
      const more = (): void => {
        while (!response.destroyed && response.write(body)) sent += body.length;
      };
      response.on('drain', more);
      more();
    });
    for (const path of ['/announced', '/endless']) {
      await expect(fetchAll(`http://${server.host}${path}`, { hosts: [server.host] })).rejects.toMatchObject({
        code: 'asset_refused',
        message: 'larger than 0 MiB, the most that a file may have',
      });
    }
    expect(sent).toBeLessThan(50_000_000);
  });

  it.each([
    [
      'an answer that is compressed',
      { status: 200, headers: { 'content-encoding': 'gzip' } },
      'asset_refused',
      /answered with content-encoding gzip/,
    ],
    ['an error', { status: 500, headers: {} }, 'asset_refused', /answered 500$/],
    ['a part', { status: 206, headers: {} }, 'asset_refused', /answered 206$/],
    ['nothing there', { status: 404, headers: {} }, 'unknown_asset', /answered 404$/],
  ])('refuses %s', async (_name, { status, headers }, code, message) => {
    await using server = await serve(
      (_request, response) => void response.writeHead(status, headers).end('x'),
    );
    await expect(fetchAll(`http://${server.host}/`, { hosts: [server.host] })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses what was cut short', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    });
    await expect(fetchAll(`http://${server.host}/`, { hosts: [server.host] })).rejects.toMatchObject({
      code: 'asset_refused',
    });
  });

  it('gives up in time, and when it is told to', async () => {
    await using server = await serve((_request, response) => void response.write('drip'));
    const hosts = [server.host];
    await expect(fetchAll(`http://${server.host}/`, { hosts, maxMs: 200 })).rejects.toMatchObject({
      message: expect.stringContaining('took more than 0.2 s') as string,
    });
    const stop = new AbortController();
    const work = fetchAll(`http://${server.host}/`, { hosts }, stop.signal);
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });

  it('says when a name has no address, and when nobody answers', async () => {
    await expect(
      fetchAll('http://gone.example/', { hosts: ['gone.example'], resolve: resolvesTo() }),
    ).rejects.toMatchObject({ code: 'unknown_asset', message: 'gone.example has no address' });
    await expect(fetchAll('http://127.0.0.1:1/', { hosts: ['127.0.0.1:1'] })).rejects.toMatchObject({
      code: 'asset_refused',
    });
  });
});
