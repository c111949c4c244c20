// The dry run of an edited policy: there where the service can do one.

import { ApiError, ask } from './api.js';
import { $, element, setText } from './dom.js';
import { bytes, count, seconds } from './format.js';

const path = '/v1/policy/simulate';

/** How a figure reads, by its unit. */
const units = {
  bytes,
  seconds,
  count,
  money: (value) => value.toLocaleString('en', { maximumFractionDigits: 2, minimumFractionDigits: 2 }),
};

export class DryRun {
  #text;

  /** `text` gives the edited policy. */
  constructor(text) {
    this.#text = text;
    $('dry-start').addEventListener('click', () => void this.#run());
  }

  /** Shows the panel where the service has the route. */
  async look() {
    const known = await fetch('/openapi.json')
      .then((answer) => answer.json())
      .catch(() => undefined);
    $('dry-run').hidden = known?.paths?.[path] === undefined;
  }

  async #run() {
    const button = $('dry-start');
    button.disabled = true;
    setText($('dry-state'), 'Running…');
    try {
      const { figures } = await ask(path, { method: 'POST', body: this.#text() });
      $('dry-result').replaceChildren(tableOf(figures));
      setText($('dry-state'), '');
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) $('dry-run').hidden = true;
      const problems = error.problems ?? [];
      setText($('dry-state'), problems.length > 0 ? problems.join('; ') : error.message);
    } finally {
      button.disabled = false;
    }
  }
}

/** `figures`: `{name, unit, now, edited}` each. */
function tableOf(figures) {
  const cell = (value, unit) => element('td', { textContent: (units[unit] ?? String)(value) });
  const change = ({ now, edited }) => {
    if (now === edited) return 'same';
    if (now === 0) return 'new';
    const part = (edited - now) / Math.abs(now);
    return `${part > 0 ? '+' : '−'}${Math.abs(part * 100).toFixed(Math.abs(part) < 0.1 ? 1 : 0)} %`;
  };
  const head = ['', 'today', 'edited', 'change'];
  return element('table', {}, [
    element('thead', {}, [
      element(
        'tr',
        {},
        head.map((textContent) => element('th', { scope: 'col', textContent })),
      ),
    ]),
    element(
      'tbody',
      {},
      figures.map((figure) =>
        element('tr', {}, [
          element('th', { scope: 'row', textContent: figure.name }),
          cell(figure.now, figure.unit),
          cell(figure.edited, figure.unit),
          element('td', { textContent: change(figure) }),
        ]),
      ),
    ),
  ]);
}
