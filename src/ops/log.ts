import { type Logger, pino, stdTimeFunctions } from 'pino';
import { printable } from './printable.ts';
import type { LogLevel } from './settings.ts';

/** The structured log that every part gets handed; never a global. */
export type Log = Logger;

/** Fields of a log line that are credentials under any name. */
const redact = ['*.secret', '*.secretAccessKey', '*.adminToken', '*.databaseUrl', '*.headers.authorization'];

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** One line for people: time, level, part, message, then the other fields as `key=value`. */
export function plainLine(json: string): string {
  const { time, level, part, msg, err, pid: _pid, ...rest } = JSON.parse(json) as Record<string, unknown>;
  const failure =
    typeof err === 'object' && err !== null && 'message' in err ? [`error=${text(err.message)}`] : [];
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${text(value)}`);
  const head = [
    text(time).slice(11, 23),
    text(level).padEnd(5),
    part === undefined ? '' : `${text(part)}:`,
    text(msg),
  ];
  const line = [...head, ...fields, ...failure].filter((word) => word !== '').join(' ');
  return `${printable(line)}\n`;
}

/**
 * Makes the log of a process: JSON lines on standard error, or plain lines when that is a terminal.
 * Standard output is left to what a command was asked for.
 */
export function createLog(
  part: string,
  level: LogLevel,
  stream: { write(text: string): unknown; readonly isTTY?: boolean } = process.stderr,
): Log {
  const destination = {
    write: (line: string) => stream.write(stream.isTTY === true ? plainLine(line) : line),
  };
  return pino(
    {
      level,
      base: { part, pid: process.pid },
      redact: { paths: redact, censor: '***' },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
