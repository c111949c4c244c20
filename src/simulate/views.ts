/** A view, as it is read out of requests. Times in milliseconds since 1970; `from` and `to` are segment numbers. */
export interface LoggedView {
  readonly video: string;
  readonly client: string | undefined;
  readonly at: number;
  until: number;
  from: number;
  to: number;
  /** The last segment of each rendition. */
  readonly last: Map<string, number>;
}

/** Puts requests together to views. */
export interface Views {
  note(request: {
    readonly at: number;
    readonly video: string;
    readonly rendition: string;
    readonly n: number;
    readonly client: string | undefined;
  }): void;
  all(): readonly LoggedView[];
}

/** A client that asks for nothing for so long has left, in milliseconds. */
const leftMs = 120_000;
/** Where nobody knows who asks, the next viewer begins where no view had come within so many segments before. */
const follows = 4;
/** Views that are put together at once for one video, where nobody knows who asks. */
const mostOpen = 1000;

/** Starts with no views. */
export function newViews(): Views {
  const all: LoggedView[] = [];
  const open = new Map<string, LoggedView[]>();
  return {
    note({ at, video, rendition, n, client }) {
      const key = `${client ?? ''} ${video}`;
      const going = (open.get(key) ?? []).filter(({ until }) => at - until < leftMs);
      const mine = going.find((view) => client !== undefined || goesOn(view, rendition, n));
      if (mine !== undefined) {
        mine.until = Math.max(mine.until, at);
        mine.from = Math.min(mine.from, n);
        mine.to = Math.max(mine.to, n);
        mine.last.set(rendition, n);
      } else {
        const view = { video, client, at, until: at, from: n, to: n, last: new Map([[rendition, n]]) };
        all.push(view);
        if (going.length < mostOpen) going.push(view);
      }
      open.set(key, going);
    },
    all: () => all,
  };
}

/** Whether a request may be the next of a view: nobody asks for the same segment of a rendition twice. */
function goesOn({ last, to }: LoggedView, rendition: string, n: number): boolean {
  const before = last.get(rendition);
  return before === undefined ? Math.abs(n - to) <= follows : n > before && n <= before + follows;
}
