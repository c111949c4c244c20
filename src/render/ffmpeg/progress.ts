/** Characters kept of an unfinished line. */
const longestLine = 1_024;

/** Lines of `-progress` that only change when something was encoded. */
const telling = /^(?:frame|out_time_us|out_time_ms)=(.*)$/;

/**
 * Reads what ffmpeg writes with `-progress` and calls `advance` when a frame or a stretch of sound was encoded since the
 * last report. ffmpeg keeps reporting while it is stuck; that is no progress.
 */
export function createProgress(advance: () => void): (chunk: Buffer) => void {
  let rest = '';
  const last = new Map<string, string>();
  return (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(-longestLine);
    for (const line of lines) {
      const value = telling.exec(line)?.[1];
      if (value === undefined) continue;
      const name = line.slice(0, line.indexOf('='));
      if (last.get(name) === value) continue;
      last.set(name, value);
      advance();
    }
  };
}
