import { byId } from './dom.js';
import { onLanguage, setText } from './language.js';

/** @typedef {{ readonly message: string, readonly binary: boolean }} Message Text, or base64. */

/** What is sent: a text, or a file as it is. */
export class MessageField {
  #kinds = byId('kinds', HTMLElement);
  #text = byId('text', HTMLTextAreaElement);
  #file = byId('file', HTMLInputElement);
  #textSize = byId('text-size', HTMLElement);
  #fileName = byId('file-name', HTMLElement);
  #fileSize = byId('file-size', HTMLElement);
  #maxBytes = 0;

  constructor() {
    this.#kinds.addEventListener('change', () => this.#showKind());
    this.#text.addEventListener('input', () => this.#showSizes());
    this.#file.addEventListener('change', () => this.#showSizes());
    onLanguage(() => this.#showSizes());
    this.#showKind();
  }

  /** @param {number} maxBytes of text as UTF-8, or of a file */
  setLimit(maxBytes) {
    this.#maxBytes = maxBytes;
    this.#showSizes();
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
    if (file.size > this.#maxBytes) {
      const values = { bytes: file.size, max: this.#maxBytes };
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
    this.#showSize(this.#textSize, bytes);
    const file = this.#file.files?.[0];
    this.#fileName.textContent = file?.name ?? '';
    if (file === undefined) setText(this.#fileSize, 'fileNone', { max: this.#maxBytes });
    else this.#showSize(this.#fileSize, file.size);
  }

  /**
   * @param {HTMLElement} element
   * @param {number} bytes
   */
  #showSize(element, bytes) {
    setText(element, 'bytes', { bytes, max: this.#maxBytes });
    element.classList.toggle('bad', bytes > this.#maxBytes);
  }
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
