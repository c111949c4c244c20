import { z } from 'zod';
import { clientOf, type LineParser, type LoggedRequest } from './logged.ts';

const time = z.union([z.string(), z.number()]).transform(momentOf);
const bytes = z.int().min(0).optional();

/** Lines of the programs that there are, by the names that each gives. */
const shapes = [
  /** The playlist service. */
  z.object({ time, method: z.literal('GET'), path: z.string(), status: z.number() }).transform(
    ({ time, path, status }): LoggedRequest => ({
      at: time,
      path,
      status,
      bytes: undefined,
      client: undefined,
    }),
  ),
  /** Caddy, https://caddyserver.com/docs/logging. `client_ip` heeds trusted proxies. */
  z
    .object({
      ts: time,
      request: z.object({
        method: z.literal('GET'),
        uri: z.string(),
        client_ip: z.string().optional(),
        remote_ip: z.string().optional(),
        headers: z.object({ 'User-Agent': z.array(z.string()).optional() }).optional(),
      }),
      status: z.number(),
      size: bytes,
    })
    .transform(
      ({ ts, request, status, size }): LoggedRequest => ({
        at: ts,
        path: request.uri,
        status,
        bytes: size,
        client: clientOf(request.client_ip ?? request.remote_ip, request.headers?.['User-Agent']?.[0]),
      }),
    ),
  /** Cloudflare Logpush, data set HTTP requests: only the fields that its operator has chosen. */
  z
    .object({
      EdgeStartTimestamp: time,
      ClientRequestMethod: z.literal('GET').optional(),
      ClientRequestURI: z.string(),
      EdgeResponseStatus: z.number(),
      EdgeResponseBytes: bytes,
      ClientIP: z.string().optional(),
      ClientRequestUserAgent: z.string().optional(),
    })
    .transform(
      (line): LoggedRequest => ({
        at: line.EdgeStartTimestamp,
        path: line.ClientRequestURI,
        status: line.EdgeResponseStatus,
        bytes: line.EdgeResponseBytes,
        client: clientOf(line.ClientIP, line.ClientRequestUserAgent),
      }),
    ),
] as const;

/** An object a line, as the playlist service, Caddy and Cloudflare Logpush write it. */
export const fromJson: LineParser = (line) => {
  if (!line.startsWith('{')) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  for (const shape of shapes) {
    const { data } = shape.safeParse(json);
    if (data !== undefined) return data;
  }
  return undefined;
};

/** Milliseconds since 1970 of RFC 3339, or of a number, whose size says of which unit it is: s, ms, us or ns. */
function momentOf(value: string | number): number {
  if (typeof value === 'string') return Date.parse(value);
  const [unit = 1e-6] = [1000, 1, 1e-3].filter((each) => value * each < 1e13);
  return Math.round(value * unit);
}
