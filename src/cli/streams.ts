import { SegueError } from '../ops/errors.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { serviceAccess } from './service-access.ts';
import { createStream, endStream, type ListedStream, listStreams } from './stream-client.ts';

/** Options of every `segue streams` command. */
export interface StreamsOptions {
  /** Print JSON, one object a line. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

/** Options of `segue streams create`, as the command line gives them. */
export interface CreateOptions extends StreamsOptions {
  readonly name?: string;
  /** Seconds. */
  readonly window?: string;
  /** Whole seconds. */
  readonly targetDuration?: string;
}

/** `segue streams create`: makes a stream, and shows its key this once. */
export const create = (options: CreateOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () => {
    const window = numberOf('--window', options.window);
    const targetDuration = numberOf('--target-duration', options.targetDuration);
    const made = await createStream(await serviceAccess(options), {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(window === undefined ? {} : { window }),
      ...(targetDuration === undefined ? {} : { targetDuration }),
    });
    if (options.json === true) return output.out(JSON.stringify({ event: 'created', ...made }));
    output.out(`id     ${made.id}`);
    output.out(`watch  ${made.url}`);
    output.out(`key    ${made.key}   (shown this once)`);
    for (const url of made.ingest) output.out(`send   ${url}`);
    if (made.ingest.length === 0) output.err('No node is ready: start one, then send to its /ingest/KEY/');
  });

/** `segue streams list`: the newest streams. */
export const list = (options: StreamsOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () => {
    const streams = await listStreams(await serviceAccess(options));
    for (const stream of streams) show(stream, options, output);
    if (streams.length === 0 && options.json !== true) output.err('There are no streams yet');
  });

/** `segue streams end ID`: its key opens nothing any more, and its lists end. */
export const end = (id: string, options: StreamsOptions, output: Output): Promise<ExitCode> =>
  command(options, output, async () =>
    show(await endStream(await serviceAccess(options), id), options, output),
  );

function show(stream: ListedStream, { json }: StreamsOptions, output: Output): void {
  if (json === true) return output.out(JSON.stringify({ event: 'stream', ...stream }));
  const why = stream.failure === null ? '' : `  ${stream.failure}`;
  output.out(`${stream.id}  ${stream.state.padEnd(7)}  ${stream.createdAt}  ${stream.name}${why}`);
}

async function command(
  { json }: StreamsOptions,
  output: Output,
  work: () => Promise<void>,
): Promise<ExitCode> {
  try {
    await work();
    return 0;
  } catch (error) {
    return reportError(error, output, json === true);
  }
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new SegueError('configuration', `${flag} ${text} is not a number of seconds`);
}
