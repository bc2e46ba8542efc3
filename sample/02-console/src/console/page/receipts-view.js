import { create, createText } from './dom.js';
import { setLabel, setText } from './language.js';

/** Whose apps have confirmed the last message, one by one, and who has not. */
export class ReceiptsView {
  #messageId = '';
  /** @type {Map<string, HTMLElement>} */
  #users = new Map();
  #count = create('p', 'note');
  #confirmed = 0;

  /** @param {(messageId: string) => void} watch asks for the receipts of a message, those so far and those to come */
  constructor(watch) {
    this.watch = watch;
    this.#count.setAttribute('role', 'status');
  }

  /**
   * @param {string} messageId
   * @param {readonly string[]} to
   */
  create(messageId, to) {
    this.#messageId = messageId;
    this.#confirmed = 0;
    this.#users = new Map(
      to.map((user) => [user, createText('li', 'badge small', 'receiptAwaited', { user })]),
    );
    this.#showCount();
    const list = create('ul', 'chips', ...this.#users.values());
    // Many scroll, so the keyboard must come to them; and the count is told in their place as they tick off.
    list.tabIndex = 0;
    list.setAttribute('aria-live', 'off');
    setLabel(list, 'receiptsTitle');
    this.refresh();
    return create(
      'div',
      'receipts',
      create('div', 'receipts-head', createText('h3', '', 'receiptsTitle'), this.#count),
      list,
    );
  }

  /** Asks again, over a new connection. */
  refresh() {
    if (this.#messageId !== '') this.watch(this.#messageId);
  }

  /** @param {Extract<import('./live-connection.js').LiveEvent, { type: 'receipts' }>} event */
  update({ messageId, confirmed }) {
    if (messageId !== this.#messageId) return;
    for (const { userId, delayMs } of confirmed) {
      const element = this.#users.get(userId);
      if (element === undefined || element.dataset['outcome'] === 'accepted') continue;
      element.dataset['outcome'] = 'accepted';
      setText(element, 'receiptConfirmed', { user: userId, ms: Math.round(delayMs) });
      this.#confirmed += 1;
    }
    this.#showCount();
  }

  #showCount() {
    setText(this.#count, 'receiptsCount', { confirmed: this.#confirmed, total: this.#users.size });
  }
}
