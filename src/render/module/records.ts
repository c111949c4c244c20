import { SegueError } from '../../ops/errors.ts';
import { headerBytes, recordKinds } from './job.ts';

/** Longest record: a frame of the largest size, or the sound of the longest segment. */
const longestRecord = 256 << 20;

/** Longest message of a failure that is kept. */
const longestMessage = 4_096;

/**
 * Reads the records of a module host and gives their content in pieces, as they come. `onSpent` is told the CPU seconds that it took.
 * @throws SegueError `render_failed` with the host's message when the module failed, or when the host writes nonsense
 */
export async function* mediaIn(
  chunks: AsyncIterable<Uint8Array>,
  onSpent?: (seconds: number) => void,
): AsyncGenerator<Uint8Array> {
  let header = new Uint8Array(0);
  let left = 0;
  let message: string | undefined;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.byteLength) {
      if (left === 0) {
        const part = chunk.subarray(at, at + headerBytes - header.byteLength);
        header = Uint8Array.from([...header, ...part]);
        at += part.byteLength;
        if (header.byteLength < headerBytes) break;
        const view = new DataView(header.buffer);
        left = view.getUint32(1);
        const kind = view.getUint8(0);
        if (kind === recordKinds.spent) {
          onSpent?.(left / 1000);
          left = 0;
        }
        if (kind === recordKinds.failed) message = '';
        if (left > longestRecord)
          throw new SegueError('render_failed', `A module host announced ${left} bytes`);
        header = new Uint8Array(0);
        continue;
      }
      const part = chunk.subarray(at, at + left);
      at += part.byteLength;
      left -= part.byteLength;
      if (message === undefined) yield part;
      else message = (message + Buffer.from(part).toString()).slice(0, longestMessage);
    }
  }
  if (message !== undefined) {
    throw new SegueError('render_failed', message, {
      hint: 'The fault is in the module, not in the description.',
      retryable: false,
    });
  }
}
