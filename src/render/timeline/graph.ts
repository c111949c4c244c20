import { type Feed, feedTarget, type SourcePlan } from '../source.ts';

/** A stream inside a filter graph, by its label: `p3`, or `0:V:0` for a stream of an input. */
export type Pad = string;

/** Options of a filter. Values are taken literally: escaping is done here and nowhere else. */
export type FilterOptions = Readonly<Record<string, string | number>>;

/** A number as ffmpeg reads it, without exponent: microseconds and millionths are enough for every option used. */
export function numeral(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(6).replace(/\.?0+$/, '');
}

/** Escapes a value for an option of a filter in a graph: once for the option list, once for the graph (ffmpeg-utils, "Quoting and escaping"). */
export function escapeValue(value: string): string {
  return value.replace(/[\\':]/g, '\\$&').replace(/[\\'[\],;]/g, '\\$&');
}

/** One filter with its options, as text of a graph. */
export function filter(name: string, options: FilterOptions = {}): string {
  const list = Object.entries(options).map(
    ([key, value]) => `${key}=${typeof value === 'number' ? numeral(value) : escapeValue(value)}`,
  );
  return list.length === 0 ? name : `${name}=${list.join(':')}`;
}

/** Collects the inputs, feeds and chains of one plan, and hands out labels. */
export class Graph {
  readonly #inputs: (readonly string[])[] = [];
  readonly #feeds: Feed[] = [];
  readonly #chains: string[] = [];
  #labels = 0;

  /** Adds an ffmpeg input (its arguments, ending in `-i`, target) and returns its index. */
  input(args: readonly string[]): number {
    return this.#inputs.push(args) - 1;
  }

  /** Adds an input that Segue itself writes; `args` describe the raw format. Returns its index. */
  feed(args: readonly string[], bytes: Feed['bytes']): number {
    const inputIndex = this.input([...args, '-i', feedTarget]);
    this.#feeds.push({ inputIndex, bytes });
    return inputIndex;
  }

  /** Adds a chain of filters from some pads to one new pad. */
  chain(from: readonly Pad[], ...filters: readonly string[]): Pad {
    return this.#add(from, filters, [this.#label()])[0] ?? '';
  }

  /** Adds a chain whose last filter has two outputs. */
  fork(from: readonly Pad[], ...filters: readonly string[]): [Pad, Pad] {
    const [first, second] = [this.#label(), this.#label()];
    this.#add(from, filters, [first, second]);
    return [first, second];
  }

  /** Adds the chain that gives one of the plan's own pads. */
  finish(from: readonly Pad[], filters: readonly string[], label: 'v' | 'a'): void {
    this.#add(from, filters, [label]);
  }

  /** The plan of everything added. */
  plan(): SourcePlan {
    return { inputs: this.#inputs, filterGraph: this.#chains.join(';'), feeds: this.#feeds };
  }

  #label(): Pad {
    this.#labels += 1;
    return `p${this.#labels}`;
  }

  #add(from: readonly Pad[], filters: readonly string[], to: readonly Pad[]): readonly Pad[] {
    const brackets = (pads: readonly Pad[]) => pads.map((pad) => `[${pad}]`).join('');
    this.#chains.push(`${brackets(from)}${filters.join(',')}${brackets(to)}`);
    return to;
  }
}
