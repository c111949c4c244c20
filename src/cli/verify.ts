import { cliConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { findFfmpeg } from '../render/ffmpeg/find.ts';
import { printReport } from '../verify/print.ts';
import { verifyStream } from '../verify/stream.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { startProgress } from './progress.ts';

/** Options of `segue verify`, as the command line gives them. */
export interface VerifyCommandOptions {
  /** Print the report as one JSON object. */
  readonly json?: boolean;
  /** Fetch a sample of the segments. */
  readonly quick?: boolean;
  /** Decode everything with ffmpeg and count. */
  readonly decode?: boolean;
  /** List the checks that held too. */
  readonly all?: boolean;
  /** Requests at once, 1 to 64. */
  readonly concurrency?: string;
}

/** `segue verify URL`: checks a stream independently. Ctrl-C ends it. */
export async function verify(url: string, options: VerifyCommandOptions, output: Output): Promise<ExitCode> {
  const json = options.json === true;
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new SegueError('invalid_request', 'Interrupted'));
  process.once('SIGINT', interrupt);
  const bar = startProgress('{bar} {value}/{total} segments  {where}', !json);
  try {
    requireUrl(url);
    const report = await verifyStream(
      url,
      {
        quick: options.quick === true,
        concurrency: concurrencyOf(options.concurrency ?? '4'),
        ffmpeg: options.decode === true ? (await findFfmpeg(cliConfig(), stop.signal)).path : undefined,
        onProgress: ({ done, total, where }) => bar.update(done, total, { where }),
      },
      stop.signal,
    );
    bar.end();
    output.out(json ? JSON.stringify(report) : printReport(report, options.all === true));
    return report.result === 'error' ? 1 : 0;
  } catch (error) {
    bar.end();
    reportError(error, output, json);
    return 2;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function requireUrl(text: string): void {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return;
  throw new SegueError('configuration', `${text} is not an http(s) URL`, {
    hint: 'Give the URL that `segue make` prints, or that of any HLS playlist',
  });
}

function concurrencyOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new SegueError('configuration', `--concurrency ${text} is not a whole number from 1 to 64`);
  }
  return count;
}
