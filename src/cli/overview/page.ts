import { styleText } from 'node:util';

/** What text is about, for who sees colours. */
export type Tone = 'good' | 'raised' | 'bad' | 'quiet' | 'strong' | 'link';

const formats = {
  good: 'green',
  raised: 'yellow',
  bad: 'red',
  quiet: 'dim',
  strong: 'bold',
  link: 'cyan',
} as const;

/** What text is written on: how wide it is, and whether it has colours. */
export interface Page {
  /** Columns; undefined where nothing has to fit, as in a file. */
  readonly width: number | undefined;
  /** The text in a colour, or as it is. */
  paint(tone: Tone, text: string): string;
}

/** A page without colours; without `width` nothing is cut. */
export const plainPage = (width?: number): Page => ({ width, paint: (_tone, text) => text });

/** Standard output: fitted to a terminal, plain elsewhere. NO_COLOR and FORCE_COLOR are honoured (https://no-color.org). */
export function standardPage(stream: NodeJS.WriteStream = process.stdout): Page {
  return {
    // A terminal that does not say how wide it is.
    width: stream.isTTY ? stream.columns || 80 : undefined,
    paint: (tone, text) => styleText(formats[tone], text, { stream }),
  };
}

/** Text of others in one line that no terminal takes for commands (stream names, messages). */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
