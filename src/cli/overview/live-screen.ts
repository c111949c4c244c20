import type { ReadStream, WriteStream } from 'node:tty';

/** A terminal that shows one picture after the other, as top(1) does, and is as before afterwards. */
export interface LiveScreen extends Disposable {
  /** Shows these lines in place of the last ones. What does not fit is cut. */
  draw(lines: readonly string[]): void;
}

/** What happens at the terminal. */
export interface ScreenEvents {
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
}

// Control sequences of xterm, which every terminal of today knows: alternate screen, no cursor, no line wrap, pictures at once.
const enter = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const leave = '\u001B[?7h\u001B[?25h\u001B[?1049l';
const [begin, end] = ['\u001B[?2026h\u001B[H', '\u001B[J\u001B[?2026l'];

/** Takes the terminal over. It is given back at the end of the process at the latest. */
export function openScreen(
  { onKey, onResize }: ScreenEvents,
  output: WriteStream = process.stdout,
  input: ReadStream = process.stdin,
): LiveScreen {
  const type = (keys: Buffer): void => onKey(keys.toString());
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    output.off('resize', onResize);
    input.off('data', type);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
    output.write(leave);
  };
  process.once('exit', close);
  output.write(enter);
  output.on('resize', onResize);
  if (input.isTTY) {
    input.setRawMode(true);
    input.on('data', type);
  }
  return {
    draw: (lines) => {
      if (!isOpen) return;
      const shown = lines.slice(0, output.rows || 24);
      output.write(`${begin}${shown.map((line) => `${line}\u001B[K`).join('\r\n')}${end}`);
    },
    [Symbol.dispose]: () => {
      close();
      process.off('exit', close);
    },
  };
}
