import { cliConfig } from '../ops/config.ts';
import { SegueError } from '../ops/errors.ts';
import { findFfmpeg } from '../render/ffmpeg/find.ts';
import { printReport, printRules } from '../verify/print.ts';
import { ruleIds, rules } from '../verify/rules.ts';
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
  /** Reload growing playlists until they end; `--no-watch` reads them once. Default: for a minute. */
  readonly watch?: boolean;
  /** How long, e.g. `90s`, `5m`. */
  readonly for?: string;
  /** Bound of everything, e.g. `90s`, `3h`. */
  readonly within?: string;
  /** Print the table of rules, and check nothing. */
  readonly rules?: boolean;
}

/** Milliseconds for which growing playlists are watched, where nothing is said, and with `--watch`. */
const watchMs = { byDefault: 60_000, asked: 3_600_000, most: 24 * 3_600_000 } as const;

/** `segue verify URL`: checks a stream independently. Ctrl-C ends it. Exit codes: 0 no errors, 1 errors, 2 could not check. */
export async function verify(
  url: string | undefined,
  options: VerifyCommandOptions,
  output: Output,
): Promise<ExitCode> {
  const json = options.json === true;
  if (options.rules === true) {
    output.out(
      json
        ? JSON.stringify({ version: 1, rules: ruleIds.map((id) => ({ id, ...rules[id] })) })
        : printRules(),
    );
    return 0;
  }
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new SegueError('invalid_request', 'Interrupted'));
  process.once('SIGINT', interrupt);
  const bar = startProgress('{bar} {value}/{total} segments  {where}', !json);
  try {
    requireUrl(url);
    const forMs = watchTime(options);
    const report = await verifyStream(
      url,
      {
        quick: options.quick === true,
        concurrency: concurrencyOf(options.concurrency ?? '4'),
        watchMs: forMs,
        ...(options.within === undefined ? {} : { timeMs: timeOf('--within', options.within) }),
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

function requireUrl(text: string | undefined): asserts text is string {
  if (text !== undefined && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return;
  throw new SegueError('configuration', `${text ?? 'Nothing'} is not an http(s) URL`, {
    hint: 'Give the URL that `segue make` prints, or that of any HLS playlist',
  });
}

function watchTime({ watch, for: text }: VerifyCommandOptions): number {
  if (watch === false) return 0;
  if (text === undefined) return watch === true ? watchMs.asked : watchMs.byDefault;
  return timeOf('--for', text);
}

/** Milliseconds of `90s`, `5m`, `1h`. */
function timeOf(option: string, text: string): number {
  const match = /^(\d{1,6})(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 1000;
  const time = Number(match?.[1] ?? Number.NaN) * unit;
  if (time > 0 && time <= watchMs.most) return time;
  throw new SegueError('configuration', `${option} ${text} is not a time up to 24 h`, {
    hint: 'Write 90s, 5m or 1h',
  });
}

function concurrencyOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new SegueError('configuration', `--concurrency ${text} is not a whole number from 1 to 64`);
  }
  return count;
}
