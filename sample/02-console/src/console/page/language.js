import { browserLanguage } from './browser-language.js';
import { en } from './texts/en.js';
import { zh } from './texts/zh.js';
import { remembered } from './stored.js';

/** @typedef {keyof typeof en} TextKey */
/** @typedef {Readonly<Record<string, string | number>>} Values What a text's braces are filled with. */

const LANGUAGES = { en: { texts: en, tag: 'en' }, zh: { texts: zh, tag: 'zh-CN' } };
const STORED = 'console-language';

/** @type {keyof typeof LANGUAGES} */
let current = 'en';
/** @type {(() => void)[]} */
const listeners = [];

/**
 * A text in the language at hand; numbers are written as that language does.
 * @param {TextKey} key
 * @param {Values} [values]
 */
export function text(key, values = {}) {
  return LANGUAGES[current].texts[key].replaceAll(/\{(\w+)\}/g, (_whole, name) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? formatNumber(value) : value;
  });
}

/** @param {number} value */
export function formatNumber(value) {
  return value.toLocaleString(LANGUAGES[current].tag);
}

/**
 * Gives an element its text, now and whenever the language changes.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {TextKey} key
 * @param {Values} [values]
 * @returns {T}
 */
export function setText(element, key, values = {}) {
  element.dataset['text'] = key;
  element.dataset['values'] = JSON.stringify(values);
  element.textContent = text(key, values);
  return element;
}

/**
 * The same for what assistive technology calls an element.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {TextKey} key
 * @param {Values} [values]
 * @returns {T}
 */
export function setLabel(element, key, values = {}) {
  element.dataset['label'] = key;
  element.dataset['values'] = JSON.stringify(values);
  element.setAttribute('aria-label', text(key, values));
  return element;
}

/** @param {() => void} listener is called after the language has changed */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** The language that was chosen before, else the browser's. */
export function startLanguage() {
  const stored = remembered.get(STORED);
  const preferred = browserLanguage.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  useLanguage(stored === 'en' || stored === 'zh' ? stored : preferred);
}

export function switchLanguage() {
  useLanguage(current === 'en' ? 'zh' : 'en');
  remembered.set(STORED, current);
}

/** @param {keyof typeof LANGUAGES} language */
function useLanguage(language) {
  current = language;
  document.documentElement.lang = LANGUAGES[language].tag;
  document.title = text('title');
  for (const element of document.querySelectorAll('[data-text], [data-label], [data-hint]')) {
    if (element instanceof HTMLElement) translate(element);
  }
  for (const listener of listeners) listener();
}

/** @param {HTMLElement} element */
function translate(element) {
  const { text: textKey, label, hint, values = '{}' } = element.dataset;
  /** @type {Values} */
  const filled = JSON.parse(values);
  if (isKey(textKey)) element.textContent = text(textKey, filled);
  if (isKey(label)) element.setAttribute('aria-label', text(label, filled));
  if (isKey(hint)) element.setAttribute('placeholder', text(hint, filled));
}

/**
 * @param {string | undefined} key
 * @returns {key is TextKey}
 */
function isKey(key) {
  return key !== undefined && key in en;
}
