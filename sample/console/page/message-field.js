import { byId } from './dom.js';
import { onLanguage, setText } from './language.js';

/** The service's limit, for text as UTF-8 and for bytes. */
const MAX_BYTES = 20_480;

/** @typedef {{ readonly message: string, readonly binary: boolean }} Message Text, or base64. */

/** What is sent: a text, or a file as it is. */
export class MessageField {
  #kinds = byId('kinds', HTMLElement);
  #text = byId('text', HTMLTextAreaElement);
  #file = byId('file', HTMLInputElement);
  #textSize = byId('text-size', HTMLElement);
  #fileName = byId('file-name', HTMLElement);
  #fileSize = byId('file-size', HTMLElement);

  constructor() {
    this.#kinds.addEventListener('change', () => this.#showKind());
    this.#text.addEventListener('input', () => this.#showSizes());
    this.#file.addEventListener('change', () => this.#showSizes());
    onLanguage(() => this.#showSizes());
    this.#showKind();
  }

  /** @returns {Promise<Message | import('./recipients.js').Problem>} */
  async read() {
    if (this.#isText()) {
      // What is too long is for the library to say.
      if (this.#text.value === '') return { problem: 'textNone', field: this.#text };
      return { message: this.#text.value, binary: false };
    }
    const file = this.#file.files?.[0];
    if (file === undefined) return { problem: 'fileMissing', field: this.#file };
    if (file.size > MAX_BYTES) {
      const values = { bytes: file.size, max: MAX_BYTES };
      return { problem: 'fileTooLarge', values, field: this.#file };
    }
    return { message: toBase64(new Uint8Array(await file.arrayBuffer())), binary: true };
  }

  #isText() {
    return byId('kind-text', HTMLInputElement).checked;
  }

  #showKind() {
    byId('if-text', HTMLElement).hidden = !this.#isText();
    byId('if-file', HTMLElement).hidden = this.#isText();
    this.#showSizes();
  }

  #showSizes() {
    const bytes = new TextEncoder().encode(this.#text.value).length;
    show(this.#textSize, bytes);
    const file = this.#file.files?.[0];
    this.#fileName.textContent = file?.name ?? '';
    if (file === undefined) setText(this.#fileSize, 'fileNone', { max: MAX_BYTES });
    else show(this.#fileSize, file.size);
  }
}

/**
 * @param {HTMLElement} element
 * @param {number} bytes
 */
function show(element, bytes) {
  setText(element, 'bytes', { bytes, max: MAX_BYTES });
  element.classList.toggle('bad', bytes > MAX_BYTES);
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
