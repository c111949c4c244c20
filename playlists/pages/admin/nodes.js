// The nodes: how busy each is, and a button that drains it.

import { ask } from './api.js';
import { $, element, setText } from './dom.js';
import { ago, bytes, count, counted, percent } from './format.js';

/** A node that has been silent for longer is out of sight at first, in milliseconds. */
const oldMs = 3_600_000;

const ranks = { draining: 0, ready: 1, dead: 2 };

export class NodeList {
  #list = $('nodes');
  #shown = new Map();
  #withOld = false;
  #model;
  #order = '';

  constructor(model) {
    this.#model = model;
    $('old-nodes').addEventListener('click', () => {
      this.#withOld = !this.#withOld;
      this.show();
    });
    $('drain-go').addEventListener('click', () => void this.#drain());
  }

  show() {
    const now = Date.now();
    const all = [...this.#model.nodes.values()];
    const isOld = ({ state, heartbeatAt }) => state === 'dead' && now - Date.parse(heartbeatAt) > oldMs;
    const old = all.filter(isOld);
    const nodes = all
      .filter((node) => this.#withOld || !isOld(node))
      .sort((a, b) => ranks[a.state] - ranks[b.state] || a.id.localeCompare(b.id, 'en', { numeric: true }));
    const counts = ['ready', 'draining', 'dead'].map((state) => [
      nodes.filter((node) => node.state === state).length,
      state,
    ]);
    setText(
      $('node-count'),
      counts
        .filter(([number]) => number > 0)
        .map(([number, state]) => `${number} ${state}`)
        .join(', '),
    );
    const button = $('old-nodes');
    button.hidden = old.length === 0;
    setText(
      button,
      `${this.#withOld ? 'Hide' : 'Show'} ${counted(old.length, 'node')} gone for over an hour`,
    );
    for (const node of nodes) {
      const parts = this.#shown.get(node.id) ?? this.#add(node.id);
      fill(parts, node, now);
    }
    const kept = new Set(nodes.map(({ id }) => id));
    for (const [id, { item }] of this.#shown) {
      if (kept.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    // Elements that stay where they are keep the focus.
    const order = nodes.map(({ id }) => id).join('\n');
    if (order !== this.#order) {
      for (const [index, { id }] of nodes.entries()) {
        const { item } = this.#shown.get(id);
        if (this.#list.children[index] !== item)
          this.#list.insertBefore(item, this.#list.children[index] ?? null);
      }
    }
    this.#order = order;
  }

  #add(id) {
    const state = element('span', { className: 'badge' });
    const about = element('small');
    const [cpu, disk] = ['CPU', 'Disk'].map((name) => meter(name));
    const copies = element('small', { className: 'copies' });
    const button = element('button', {
      type: 'button',
      className: 'tool',
      textContent: 'Drain',
      aria: { label: `Drain ${id}` },
    });
    button.addEventListener('click', () => this.#askDrain(id));
    const item = element('li', { className: 'node', data: { id } }, [
      element('p', { className: 'who' }, [element('b', { textContent: id }), state, about]),
      element('div', { className: 'meters' }, [cpu.element, disk.element]),
      copies,
      button,
    ]);
    const parts = { item, state, about, cpu, disk, copies, button };
    this.#shown.set(id, parts);
    return parts;
  }

  #askDrain(id) {
    const { load = {} } = this.#model.nodes.get(id) ?? {};
    const dialog = $('drain');
    dialog.dataset.id = id;
    $('drain-title').textContent = `Drain ${id}?`;
    $('drain-text').textContent =
      `It takes nothing new, ends or hands over ${counted(load.renders ?? 0, 'render')}, copies what only it holds (${counted(load.copyQueue ?? 0, 'segment')} in its queue), and ends. Viewers do not notice.`;
    $('drain-problem').textContent = '';
    dialog.showModal();
  }

  async #drain() {
    const dialog = $('drain');
    const field = $('drain-seconds');
    if (!field.reportValidity()) return;
    $('drain-go').disabled = true;
    try {
      const body = JSON.stringify({ deadlineSeconds: Number(field.value) });
      const node = await ask(`/v1/nodes/${encodeURIComponent(dialog.dataset.id)}/drain`, {
        method: 'POST',
        body,
      });
      this.#model.nodes.set(node.id, node);
      dialog.close();
      this.show();
    } catch (error) {
      $('drain-problem').textContent = error.message;
    } finally {
      $('drain-go').disabled = false;
    }
  }
}

function meter(name) {
  const bar = element('i');
  const text = element('span');
  const track = element(
    'div',
    { className: 'bar', role: 'meter', aria: { label: name, valuemin: '0', valuemax: '100' } },
    [bar],
  );
  return {
    element: element('div', { className: 'meter' }, [
      element('span', { textContent: name, aria: { hidden: 'true' } }),
      track,
      text,
    ]),
    bar,
    track,
    text,
  };
}

function setMeter({ bar, track, text }, part) {
  const known = Number.isFinite(part);
  setText(text, percent(part));
  const value = known ? Math.round(part * 100) : 0;
  if (track.getAttribute('aria-valuenow') === String(value)) return;
  track.setAttribute('aria-valuenow', String(value));
  bar.style.transform = `scaleX(${value / 100})`;
}

function fill({ item, state, about, cpu, disk, copies, button }, node, now) {
  const { load } = node;
  if (item.dataset.state !== node.state) item.dataset.state = node.state;
  setText(state, node.state);
  const isDead = node.state === 'dead';
  setText(
    about,
    isDead ? `silent for ${ago(Date.parse(node.heartbeatAt), now)}` : counted(load.renders, 'lease'),
  );
  setMeter(cpu, isDead ? Number.NaN : load.cpu);
  setMeter(disk, isDead ? Number.NaN : load.diskUsed);
  // Processors are there to be used; a disk is not.
  const level = isDead || !(load.diskUsed >= 0.8) ? 'normal' : load.diskUsed >= 0.9 ? 'high' : 'raised';
  if (disk.track.dataset.level !== level) disk.track.dataset.level = level;
  const slots = load.slots === undefined ? '' : `/${load.slots}`;
  const busy = `${load.encoders}${slots} encoders · queue ${count(load.copyQueue)} · ${bytes(load.copyRate ?? 0)}/s · `;
  setText(copies, `${isDead ? '' : busy}${bytes(load.diskBytes)}`);
  button.disabled = node.state !== 'ready';
}
