// Runs inside workerd, as the embedded bucket's public face: reads like a CDN before a real bucket. It imports nothing.

/** The part of the R2 binding that this route uses (Workers runtime API). */
interface StoredObject {
  readonly size: number;
  readonly httpEtag: string;
  readonly httpMetadata?: { readonly contentType?: string; readonly cacheControl?: string };
  readonly body?: ReadableStream<Uint8Array>;
}

interface Bucket {
  head(key: string): Promise<StoredObject | null>;
  get(key: string, options?: { range: { offset: number; length: number } }): Promise<StoredObject | null>;
}

const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-length, content-range, etag, accept-ranges, date',
  'timing-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};

const types: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl',
  m4s: 'video/iso.segment',
  mp4: 'video/mp4',
};

/** A plain answer without an object; never cached, because an object may come to exist at any time. */
function refusal(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      ...cors,
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      ...headers,
    },
  });
}

type Span = { readonly offset: number; readonly length: number };

/** One byte range of RFC 9110 section 14.1.2. Anything else (several ranges, other units) is ignored, as the RFC allows. */
function parseRange(header: string | null, size: number): Span | 'all' | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return 'all';
  if (match[1] === '') {
    const length = Math.min(size, Number(match[2]));
    return length === 0 ? 'unsatisfiable' : { offset: size - length, length };
  }
  const first = Number(match[1]);
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== '' && Number(match[2]) < first) return 'all';
  return first >= size ? 'unsatisfiable' : { offset: first, length: last - first + 1 };
}

/** Weak comparison of RFC 9110 section 13.1.2. */
function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  const plain = (tag: string) => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => plain(tag) === plain(etag));
}

function headersOf(key: string, object: StoredObject): Record<string, string> {
  const extension = key.slice(key.lastIndexOf('.') + 1);
  return {
    ...cors,
    'content-type': object.httpMetadata?.contentType ?? types[extension] ?? 'application/octet-stream',
    'cache-control': object.httpMetadata?.cacheControl ?? 'public, max-age=31536000, immutable',
    etag: object.httpEtag,
    'accept-ranges': 'bytes',
  };
}

async function read(request: Request, key: string, bucket: Bucket): Promise<Response> {
  const object = await bucket.head(key);
  if (object === null) return refusal(404, 'There is no such object');
  const headers = headersOf(key, object);
  if (matches(request.headers.get('if-none-match'), object.httpEtag))
    return new Response(null, { status: 304, headers });
  const condition = request.headers.get('if-range');
  const range = condition === null || condition === object.httpEtag ? request.headers.get('range') : null;
  const span = parseRange(range, object.size);
  if (span === 'unsatisfiable') {
    return refusal(416, 'There are no such bytes', { 'content-range': `bytes */${object.size}` });
  }
  const { offset, length } = span === 'all' ? { offset: 0, length: object.size } : span;
  headers['content-length'] = String(length);
  if (span !== 'all') headers['content-range'] = `bytes ${offset}-${offset + length - 1}/${object.size}`;
  const status = span === 'all' ? 200 : 206;
  if (request.method === 'HEAD' || length === 0) return new Response(null, { status, headers });
  const stored = await bucket.get(key, { range: { offset, length } });
  return stored?.body === undefined
    ? refusal(404, 'There is no such object')
    : new Response(stored.body, { status, headers });
}

/** Decodes the path to a key; undefined for a malformed one. */
function keyOf(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname.slice(1));
  } catch {
    return undefined;
  }
}

export default {
  /** Answers GET, HEAD and OPTIONS for `/<key>`. */
  async fetch(request: Request, env: { readonly BUCKET: Bucket }): Promise<Response> {
    if (request.method === 'OPTIONS') {
      const allow = {
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': '*',
      };
      return new Response(null, {
        status: 204,
        headers: { ...cors, ...allow, 'access-control-max-age': '86400' },
      });
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refusal(405, 'Only reading is possible here', { allow: 'GET, HEAD, OPTIONS' });
    }
    const key = keyOf(request.url);
    return key === undefined || key === ''
      ? refusal(404, 'There is no such object')
      : read(request, key, env.BUCKET);
  },
};
