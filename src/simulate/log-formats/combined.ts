import { bytesIn, clientOf, type LineParser } from './logged.ts';

const format =
  /^(\S+) \S+ \S+ \[([^\]]+)\] "(?:GET|HEAD) (\S+) [^"]*" (\d{3}) (\d+|-)(?: "[^"]*" "([^"]*)")?/;

/** Common and combined log format, as Apache, nginx and many CDNs write it. */
export const fromCombined: LineParser = (line) => {
  const match = format.exec(line);
  if (match === null) return undefined;
  const [, host, time = '', path = '', status, bytes, agent] = match;
  return {
    at: clockOf(time),
    path,
    status: Number(status),
    bytes: bytesIn(bytes),
    client: clientOf(host, agent),
  };
};

const clock = /^(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `05/Jan/2026:10:00:00 +0100` as milliseconds since 1970; NaN for what is no such time. */
export function clockOf(text: string): number {
  const [, day, month = '', year, time, hours, minutes] = clock.exec(text) ?? [];
  const number = String(months.indexOf(month) + 1).padStart(2, '0');
  return Date.parse(`${year}-${number}-${day}T${time}${hours}:${minutes}`);
}
