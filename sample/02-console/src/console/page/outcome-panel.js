import { byId, create, createEnglish, createText } from './dom.js';
import { FanOutView } from './fan-out-view.js';
import { ReceiptsView } from './receipts-view.js';
import { createErrorView, createReceiptView } from './outcome-views.js';

/**
 * @typedef {{ readonly receipt: import('nestjs-rtc-messaging').SendReceipt }
 *   | { readonly error: import('./outcome-views.js').ThrownError }} Answer What the app answers to a send.
 */

/** Pixels: with less of it in sight, it is scrolled to. */
const MIN_SHOWN = 100;

/** What became of the last send. */
export class OutcomePanel {
  #body = byId('outcome', HTMLElement);
  fanOut;
  receipts;

  /**
   * @param {() => void} onCancel of a fan-out
   * @param {(messageId: string) => void} watchReceipts
   */
  constructor(onCancel, watchReceipts) {
    this.receipts = new ReceiptsView(watchReceipts);
    this.fanOut = new FanOutView((content) => this.#show(content), onCancel);
  }

  showBusy() {
    this.#show(create('p', 'busy', createText('span', '', 'sending')));
  }

  /**
   * @param {Answer} answer
   * @param {readonly string[]} to those who are named
   * @returns what the receipt is shown in, if it is one
   */
  showAnswer(answer, to) {
    const { messageId, outcome } = 'receipt' in answer ? answer.receipt : answer.error;
    const view = 'receipt' in answer ? createReceiptView(answer.receipt) : createErrorView(answer.error);
    this.#show(view);
    if (messageId !== undefined && (outcome === 'accepted' || outcome === 'unknown')) {
      view.querySelector('.verdict')?.after(this.receipts.create(messageId, to));
    }
    return 'receipt' in answer ? view : undefined;
  }

  /** @param {string} message of the app itself, not of the library */
  showFailure(message) {
    this.#show(createEnglish('p', 'problem', message));
  }

  /** @param {HTMLElement} content */
  #show(content) {
    // A fan-out goes on while single messages are sent; it stays in sight.
    const running = this.fanOut.runningElement;
    this.#body.replaceChildren(...(running !== undefined && running !== content ? [running] : []), content);
    // On a phone it is further down than the button that was pressed.
    if (this.#body.getBoundingClientRect().top > window.innerHeight - MIN_SHOWN) {
      this.#body.closest('section')?.scrollIntoView();
    }
  }
}
