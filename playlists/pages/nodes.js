// The nodes: what each holds of the video, which one is its origin, and a button that kills it.

/** How many segments lie in ranges `[from, to)`. */
export const covered = (ranges) => ranges.reduce((total, [from, to]) => total + to - from, 0);

/** The list of nodes. `say(text, bad)` tells what happened, `onShown` is called after a change. */
export class Nodes {
  #element;
  #places;
  #say;
  #onShown;
  #known = [];
  #demo = true;
  #shown = '';

  constructor(element, { places, say, onShown }) {
    this.#element = element;
    this.#places = places;
    this.#say = say;
    this.#onShown = onShown;
  }

  /** Ids of the nodes whose copies cannot be had. */
  get dead() {
    return new Set(this.#known.filter(({ state }) => state === 'dead').map(({ id }) => id));
  }

  /** Asks which nodes there are; only a service in demo mode tells. */
  async look() {
    if (!this.#demo) return;
    const answer = await fetch('/demo/nodes');
    this.#demo = answer.status !== 404;
    if (answer.ok) this.#known = (await answer.json()).nodes;
  }

  /** Shows the nodes that are known, and those that hold some of the video, if there is one. */
  show(video) {
    const renditions = video?.renditions ?? [];
    const ids = new Set([
      ...this.#known.map(({ id }) => id),
      ...renditions.flatMap((one) => Object.keys(one.nodes)),
    ]);
    const list = [...ids]
      .toSorted((a, b) => a.localeCompare(b))
      .map((id) => {
        const { pid, state = 'ready', killable = false } = this.#known.find((one) => one.id === id) ?? {};
        const held = renditions.reduce((total, one) => total + covered(one.nodes[id] ?? []), 0);
        return { id, pid, state, killable, held, origin: video?.lease?.node === id };
      });
    const key = JSON.stringify(list);
    if (key === this.#shown || list.length === 0) return;
    this.#shown = key;
    for (const { id } of list) this.#places.indexOf(id);
    // The list is drawn anew; who stands on a button stays there.
    const focused = document.activeElement?.dataset?.node;
    this.#element.replaceChildren(...list.map((node) => this.#item(node)));
    if (focused !== undefined) this.#element.querySelector(`[data-node="${CSS.escape(focused)}"]`)?.focus();
    this.#onShown();
  }

  #item({ id, pid, state, killable, held, origin }) {
    const item = document.createElement('li');
    item.className = 'node';
    item.dataset.state = state;
    item.dataset.id = id;
    item.style.setProperty('--source', this.#places.colour(id));
    const text = document.createElement('p');
    const small = document.createElement('small');
    const process = pid === undefined ? [] : [`process ${pid}`];
    small.textContent = [
      ...process,
      state === 'dead' ? 'gone' : state,
      `holds ${held} segments of this video`,
    ].join(' · ');
    text.append(`${this.#places.letter(id)}  ${id}`, ...(origin ? [badge()] : []), small);
    item.append(text);
    if (killable) item.append(this.#button(id, state, origin));
    return item;
  }

  #button(id, state, origin) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'danger';
    button.dataset.node = id;
    button.disabled = state === 'dead';
    button.textContent = origin ? 'Kill the origin (kill -9)' : 'Kill (kill -9)';
    button.setAttribute('aria-label', `${button.textContent}: ${id}`);
    button.addEventListener('click', () => void this.#kill(id, button));
    return button;
  }

  async #kill(id, button) {
    button.disabled = true;
    const path = `/demo/nodes/${encodeURIComponent(id)}/kill`;
    const answer = await fetch(path, { method: 'POST' }).catch(() => undefined);
    if (answer?.ok) this.#say(`${id} was killed with kill -9; what only it had is rendered again`, true);
    else this.#say(`${id} could not be killed`, true);
    this.#shown = '';
  }
}

function badge() {
  const element = document.createElement('span');
  element.className = 'badge origin';
  element.textContent = 'origin of this video';
  return element;
}
