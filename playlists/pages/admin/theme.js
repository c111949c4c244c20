// Light, dark, or as the system says. Kept for the next visit.

import { $ } from './dom.js';

const kept = 'segue-theme';
const names = ['auto', 'light', 'dark'];

/** Colours as they are now, of CSS that may have variables of the theme in it: for canvases, which know no variables. */
export function colours(...css) {
  const probe = document.createElement('i');
  document.body.append(probe);
  const found = css.map((colour) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return found;
}

/** Makes the button work; `onChange` is called whenever colours are other ones. */
export function followTheme(onChange) {
  let name = localStorage.getItem(kept) ?? 'auto';
  const show = () => {
    document.documentElement.dataset.theme = name;
    $('theme').textContent = `Theme: ${name}`;
  };
  show();
  $('theme').addEventListener('click', () => {
    name = names[(names.indexOf(name) + 1) % names.length];
    localStorage.setItem(kept, name);
    show();
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
}
