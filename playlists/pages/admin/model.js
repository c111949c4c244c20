// What the page knows: videos, where their viewers are, nodes. Rows are replaced, never changed, so that who has drawn one knows.

/** As many videos are kept; of a larger deployment these are the newest, and those that somebody watches. */
export const mostVideos = 10_000;

/** Which videos a filter lets through. */
const filters = {
  all: () => true,
  watched: (_, heads) => heads.length > 0,
  exposed: (row) => row.exposureSeconds > 0,
  rendering: (row) => row.state === 'rendering' || row.state === 'live',
  stored: (row) => row.state === 'stored',
  failed: (row) => row.state === 'failed',
};

/** Names of the filters, in the order of their buttons. */
export const filterNames = Object.keys(filters);

const nobody = [];

const orders = {
  newest: undefined,
  exposed: (a, b) => b.exposureSeconds - a.exposureSeconds,
  watched: (a, b, model) => model.headsOf(b).length - model.headsOf(a).length,
};

export class Model {
  #videos = new Map();
  #heads = new Map();
  #heardAt = new Map();
  #order = [];
  #isOrdered = true;
  /** By id. */
  nodes = new Map();

  /** Forgets everything. */
  clear() {
    this.#videos.clear();
    this.#heads.clear();
    this.#heardAt.clear();
    this.#isOrdered = false;
    this.nodes = new Map();
  }

  /** Number of videos known. */
  get size() {
    return this.#videos.size;
  }

  /** The row of a video. */
  video(id) {
    return this.#videos.get(id);
  }

  /** Segments that its viewers were last given. */
  headsOf(row) {
    return this.#heads.get(row.renderId) ?? nobody;
  }

  /** Rows that are new, or have changed, as the service tells them of its own accord. */
  hearVideos(rows) {
    const now = performance.now();
    for (const { id } of rows) this.#heardAt.set(id, now);
    this.putVideos(rows);
  }

  /** Rows of a list that was asked for at `askedAt`: what was heard of a video since then is newer. */
  putVideos(rows, askedAt = Number.POSITIVE_INFINITY) {
    for (const row of rows) {
      if ((this.#heardAt.get(row.id) ?? 0) > askedAt) continue;
      const known = this.#videos.get(row.id);
      // Of the instant of a video the place in the list depends.
      if (known?.createdAt !== row.createdAt) this.#isOrdered = false;
      this.#videos.set(row.id, row);
    }
  }

  /** The list was read anew, whole: what is not in it is gone. */
  keepVideos(ids) {
    for (const [id, row] of this.#videos) {
      if (ids.has(id) || this.headsOf(row).length > 0) continue;
      this.#forget(id);
      this.#isOrdered = false;
    }
  }

  #forget(id) {
    this.#videos.delete(id);
    this.#heardAt.delete(id);
  }

  /** By render: where viewers are now. */
  putHeads(moved) {
    for (const [renderId, heads] of Object.entries(moved)) {
      if (heads.length === 0) this.#heads.delete(renderId);
      else this.#heads.set(renderId, heads);
    }
  }

  /** After a connection was lost: nobody is known to watch until that is told again. */
  forgetHeads() {
    this.#heads.clear();
  }

  putNodes(nodes) {
    this.nodes = new Map(nodes.map((node) => [node.id, node]));
  }

  /** Every video, newest first. */
  all() {
    if (!this.#isOrdered) {
      this.#order = [];
      this.#isOrdered = true;
      const rows = [...this.#videos.values()].sort((a, b) =>
        a.createdAt === b.createdAt ? (a.id < b.id ? 1 : -1) : a.createdAt < b.createdAt ? 1 : -1,
      );
      for (const row of rows) {
        if (this.#order.length < mostVideos || this.headsOf(row).length > 0) this.#order.push(row.id);
        else this.#forget(row.id);
      }
    }
    return this.#order.map((id) => this.#videos.get(id));
  }

  /** Videos as they are listed. `text`: the begin of an id, or a part of a stream's name. */
  listed(filter, text, order) {
    const wanted = text.trim().toLowerCase();
    const isNamed = ({ id, name }) =>
      wanted === '' || id.toLowerCase().startsWith(wanted) || (name ?? '').toLowerCase().includes(wanted);
    const rows = this.all().filter((row) => filters[filter](row, this.headsOf(row)) && isNamed(row));
    const compare = orders[order];
    return compare === undefined ? rows : rows.sort((a, b) => compare(a, b, this));
  }

  /** How many videos each filter lets through, and how much of all of them is exposed, in seconds. */
  totals() {
    const counts = Object.fromEntries(filterNames.map((name) => [name, 0]));
    let exposureSeconds = 0;
    for (const row of this.#videos.values()) {
      const heads = this.headsOf(row);
      exposureSeconds += row.exposureSeconds;
      for (const name of filterNames) if (filters[name](row, heads)) counts[name] += 1;
    }
    return { counts, exposureSeconds };
  }

  /** Sums over the nodes that are not dead. */
  nodeTotals() {
    const live = [...this.nodes.values()].filter(({ state }) => state !== 'dead');
    const sum = (name) => live.reduce((total, { load }) => total + (load[name] ?? 0), 0);
    return {
      live: live.length,
      ready: live.filter(({ state }) => state === 'ready').length,
      copyQueue: sum('copyQueue'),
      copyRate: sum('copyRate'),
      leases: sum('renders'),
      encoders: sum('encoders'),
    };
  }
}
