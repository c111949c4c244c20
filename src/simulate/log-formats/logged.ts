/** What a line of an access log says of a GET, whatever was asked for. */
export interface LoggedRequest {
  /** Milliseconds since 1970; NaN: the line names no time that there is. */
  readonly at: number;
  /** Path, or URL, as it was asked for. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the answer; undefined: the log does not say. */
  readonly bytes: number | undefined;
  /** Who asked; undefined: the log does not say. */
  readonly client: string | undefined;
}

/** Reads a line in one format; undefined where it is in another, or about no GET. */
export type LineParser = (line: string) => LoggedRequest | undefined;

/** Who asks: programs behind one address are told apart by what they call themselves. */
export const clientOf = (address: string | undefined, agent = ''): string | undefined =>
  address === undefined ? undefined : `${address} ${agent}`;

/** Bytes as a log writes them; undefined for `-` and other words. */
export const bytesIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
