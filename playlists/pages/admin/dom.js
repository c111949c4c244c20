// Small tools for elements.

/** @param {string} id */
export const $ = (id) => document.getElementById(id);

/**
 * An element. `properties` are set as they are; those of `data` and `aria` as data- and aria- attributes, `role` as an attribute.
 */
export function element(name, { data = {}, aria = {}, role, ...properties } = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  if (role !== undefined) made.setAttribute('role', role);
  for (const [key, value] of Object.entries(data)) made.dataset[key] = value;
  for (const [key, value] of Object.entries(aria)) made.setAttribute(`aria-${key}`, value);
  made.append(...children);
  return made;
}

/** Sets a text where it is another one: what does not change costs no layout. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute where it is another one. */
export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** A choice of one, as radio buttons. `choices` are `[value, label]`; returns a function that changes the label of one. */
export function chips(fieldset, name, choices, chosen, onChange) {
  const labels = new Map();
  for (const [value, text] of choices) {
    const input = element('input', { type: 'radio', name, value, checked: value === chosen });
    const label = element('span', { textContent: text });
    input.addEventListener('change', () => onChange(value));
    fieldset.append(element('label', {}, [input, label]));
    labels.set(value, label);
  }
  return (value, text) => setText(labels.get(value), text);
}

/** Calls `draw` in the next frame after `wake`, but not more often than every `ms` milliseconds. */
export function painter(draw, ms) {
  let waiting = false;
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    if (waiting) return;
    waiting = true;
    const wait = Math.max(0, last + ms - performance.now());
    setTimeout(
      () =>
        requestAnimationFrame(() => {
          waiting = false;
          last = performance.now();
          draw();
        }),
      wait,
    );
  };
}
