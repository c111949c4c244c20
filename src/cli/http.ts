import { z } from 'zod';
import { type ErrorCode, errorCodes, SegueError } from '../ops/errors.ts';

const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    problems: z.array(z.string()).optional(),
  }),
});

/** Milliseconds that the service may take for one answer. Pinning the assets of a description takes the longest. */
const answerMs = 120_000;

/** Asks the service; the answer is there, and read, within `ms` milliseconds. @throws SegueError `no_node` where nothing answers */
export async function ask(
  url: string,
  signal: AbortSignal,
  init: RequestInit,
  ms = answerMs,
): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]) });
  } catch (error) {
    signal.throwIfAborted();
    throw new SegueError('no_node', `${new URL(url).origin} does not answer`, {
      cause: error,
      hint: 'Start it with `npm start`, or give its address with --server or SEGUE_URL',
    });
  }
}

/** The body of its answer. @throws SegueError as the service says, `internal` where it is no answer of Segue */
export async function read<T>(answer: Response, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new SegueError(
      'internal',
      `${answer.url} is no Segue playlist service: ${z.prettifyError(parsed.error)}`,
    );
  }
  const told = errorSchema.safeParse(body);
  if (!told.success) throw new SegueError('internal', `${answer.url} answers ${answer.status}`);
  const { code, message, hint, problems } = told.data.error;
  throw new SegueError(knownCode(code), message, {
    ...(hint === undefined ? {} : { hint }),
    ...(problems === undefined ? {} : { problems }),
    retryable: answer.status === 429 || answer.status >= 500,
  });
}

function knownCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? 'internal';
}
