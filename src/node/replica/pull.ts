import { crc32 } from 'node:zlib';
import { SegueError } from '../../ops/errors.ts';
import { nodeSegmentPath, type UrlSigner } from '../sign.ts';
import type { ReplicaTask } from './plan.ts';

/** Life of a signed URL, in milliseconds: it is used at once. */
const signatureMs = 30_000;
/** A pull that takes longer is given up, in milliseconds. */
const pullMs = 20_000;
/** No segment is larger: 6 s at 100 Mbit/s. */
const mostBytes = 80 * 1024 * 1024;

/**
 * Fetches a segment from the node that has it, whole and with the checksum that the node promises.
 * @throws SegueError `no_node` where it does not give it
 */
export async function pullSegment(
  signer: UrlSigner,
  { from, renderId, rendition, n, container }: ReplicaTask,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const path = nodeSegmentPath(renderId, rendition, n, container);
  const failed = (why: string, cause?: unknown) =>
    new SegueError('no_node', `Node ${from.id} does not give ${renderId}/${rendition}/${n}: ${why}`, {
      cause,
      hint: 'It is tried again; the node may be ending.',
    });
  const query = await signer.sign(path, Date.now() + signatureMs);
  let bytes: Uint8Array;
  let promised: string | null;
  try {
    const answer = await fetch(`${from.url}${path}?${query}`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(pullMs)]),
    });
    if (!answer.ok || Number(answer.headers.get('content-length') ?? Infinity) > mostBytes) {
      await answer.body?.cancel();
      throw failed(`status ${answer.status}`);
    }
    promised = answer.headers.get('x-segue-crc32');
    bytes = await answer.bytes();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof SegueError ? error : failed('it does not answer', error);
  }
  if (promised === null || Number.parseInt(promised, 16) !== crc32(bytes))
    throw failed('other bytes than promised');
  return bytes;
}
