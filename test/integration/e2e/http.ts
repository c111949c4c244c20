import { type IncomingHttpHeaders, request } from 'node:http';

/** An answer as it came over the wire: no redirect followed, nothing decompressed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request and reads the whole answer. Rejects when the connection is cut before its end. */
export function requestOf(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** GET. */
export const get = (url: string, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
  requestOf('GET', url, headers);

/** HEAD. */
export const head = (url: string, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
  requestOf('HEAD', url, headers);
