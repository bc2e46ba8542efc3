import { remembered } from './stored.js';

const STORED = 'console-theme';
const SYSTEM = window.matchMedia('(prefers-color-scheme: dark)');

/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} listener is called after the colours have changed */
export function onTheme(listener) {
  listeners.push(listener);
}

/**
 * Follows the system until a choice is made, which is remembered.
 * @param {HTMLElement} toggle
 */
export function startTheme(toggle) {
  const apply = () => {
    const stored = remembered.get(STORED);
    if (stored === 'dark' || stored === 'light') document.documentElement.dataset['theme'] = stored;
    toggle.setAttribute('aria-pressed', String(isDark()));
    for (const listener of listeners) listener();
  };
  toggle.addEventListener('click', () => {
    remembered.set(STORED, isDark() ? 'light' : 'dark');
    apply();
  });
  SYSTEM.addEventListener('change', apply);
  apply();
}

function isDark() {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === undefined ? SYSTEM.matches : chosen === 'dark';
}

/**
 * What a custom property comes to as a colour at present.
 * @param {string} name such as `--accent`
 */
export function color(name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color: found } = getComputedStyle(probe);
  probe.remove();
  return found;
}
