import { setText } from './language.js';

/**
 * The element of that ID, which is in index.html.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is no ${type.name}`);
  return found;
}

/**
 * A new element. What it holds is text, whatever it looks like.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function create(tag, className = '', ...children) {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

/**
 * A new element with one of the page's texts.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {import('./language.js').TextKey} key
 * @param {import('./language.js').Values} [values]
 */
export function createText(tag, className, key, values) {
  return setText(create(tag, className), key, values);
}

/**
 * What the server says is in English, whatever language the page is in.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {string} text
 */
export function createEnglish(tag, className, text) {
  const element = create(tag, className, text);
  element.lang = 'en';
  return element;
}
