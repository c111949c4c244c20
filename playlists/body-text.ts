import { bodyLimit } from 'hono/body-limit';
import { SegueError } from '../src/ops/errors.ts';

/** Bodies of operators' calls that the framework reads, in bytes. */
const smallBytes = 64 * 1024;

/** Bounds what the framework reads: by itself it reads whatever comes. */
export const smallBody = bodyLimit({
  maxSize: smallBytes,
  onError: () => {
    throw new SegueError('too_large', `The body may have at most ${smallBytes} bytes`);
  },
});

/** A body up to so many times the limit is read to its end and thrown away, so that the client gets to see the answer. */
const drained = 8;

/** The text of a request's body. @throws SegueError `invalid_request` where it is compressed, `too_large` above `maxBytes`, which is also all that is kept in memory */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new SegueError(
      'invalid_request',
      `A body with content-encoding ${encoding.slice(0, 20)} is not read`,
      {
        hint: 'Send it as it is: a small compressed body can be a large one.',
      },
    );
  }
  const tooLarge = new SegueError('too_large', `The body may have at most ${maxBytes} bytes`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes * drained) throw tooLarge;
  if (request.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (const reader = request.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > maxBytes * drained) {
      await reader.cancel();
      throw tooLarge;
    }
    if (bytes <= maxBytes) text += decoder.decode(value, { stream: true });
  }
  if (bytes > maxBytes) throw tooLarge;
  return text + decoder.decode();
}
