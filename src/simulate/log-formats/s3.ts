import { clockOf } from './combined.ts';
import { bytesIn, clientOf, type LineParser } from './logged.ts';

// Owner, bucket, [time], address, requester, id of the request, operation, key, "request", status, error, bytes sent, size of the object,
// two times, "referer", "agent", and more since.
const format =
  /^\S+ \S+ \[([^\]]+)\] (\S+) \S+ \S+ (?:REST|WEBSITE)\.GET\.OBJECT (\S+) (?:"[^"]*"|-) (\d{3}) \S+ (\d+|-)(?: \S+ \S+ \S+ (?:"[^"]*"|-) "([^"]*)")?/;

/**
 * Server access logs of S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html). The key says what was asked for: the
 * request begins with the bucket or not, as the client likes.
 */
export const fromS3: LineParser = (line) => {
  const match = format.exec(line);
  if (match === null) return undefined;
  const [, time = '', address, key = '', status, bytes, agent] = match;
  return {
    at: clockOf(time),
    path: `/${key}`,
    status: Number(status),
    bytes: bytesIn(bytes),
    client: clientOf(address === '-' ? undefined : address, agent),
  };
};
