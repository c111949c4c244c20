import { type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';
import { printable } from './printable.ts';
import type { LogLevel } from './settings.ts';
import { traceScope } from './trace-scope.ts';

/** The structured log that every part gets handed; never a global. */
export type Log = Logger;

/** Fields of a log line that are credentials under any name. */
const redact = ['*.secret', '*.secretAccessKey', '*.adminToken', '*.databaseUrl', '*.headers.authorization'];

/** Bounds of a line: characters of a text (of a stack: four times as many), entries of a list, depth. */
const longest = { text: 1000, list: 50, depth: 4 };

/** A value as a line may have it: whatever comes from outside, a line stays one that can be stored. */
function bounded(value: unknown, most: number = longest.text, depth: number = longest.depth): unknown {
  if (typeof value === 'string') return value.length > most ? `${value.slice(0, most)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.slice(0, longest.list).map((each) => bounded(each, most, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return boundedFields(value, most, depth);
}

const boundedFields = (fields: object, most: number = longest.text, depth: number = longest.depth) =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, bounded(value, most, depth - 1)]));

const boundedError = (error: unknown): unknown =>
  error instanceof Error ? boundedFields({ ...stdSerializers.err(error) }, 4 * longest.text) : bounded(error);

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
      formatters: { level: (label) => ({ level: label }), log: (fields) => boundedFields(fields) },
      serializers: { err: boundedError },
      // Where traces are sent, a line names the trace that it belongs to.
      mixin: () => {
        const scope = traceScope.getStore();
        return scope === undefined ? {} : { traceId: scope.traceId };
      },
    },
    destination,
  );
}
