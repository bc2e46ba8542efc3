import { askApp } from './ask-app.js';
import { byId, create, createText } from './dom.js';

/** @typedef {import('../console.controller.js').AbsentAnswer} AbsentAnswer */

/** An ID that is being typed is another one with each letter. */
const TYPING_MS = 400;
/** How many are named. */
const SHOWN = 20;

/** Tells which of those whom a message is to go to are not in the room, as the service has it. */
export class AbsentUsers {
  #note = byId('absent', HTMLElement);
  /** @type {number | undefined} */
  #timer;
  /** Of the last question: what is answered to one before it is out of date. */
  #question = 0;

  /**
   * @param {() => { roomId: string, to: readonly string[] }} read whom the composer names
   * @param {() => boolean} canAsk false while a fault is on: the question would meet it, in place of a message
   */
  constructor(read, canAsk) {
    this.read = read;
    this.canAsk = canAsk;
  }

  /** Asks anew, once nothing has changed for a moment. */
  refresh() {
    window.clearTimeout(this.#timer);
    this.#question += 1;
    if (this.read().to.length === 0) this.#note.hidden = true;
    else this.#timer = window.setTimeout(() => void this.#mark(), TYPING_MS);
  }

  async #mark() {
    const question = this.#question;
    const view = await this.ask(this.read());
    if (question !== this.#question) return;
    this.#note.hidden = false;
    this.#note.replaceChildren(view);
  }

  /**
   * @param {{ roomId: string, to: readonly string[] }} request
   * @returns what is known of them, in words
   */
  async ask({ roomId, to }) {
    if (!this.canAsk()) return createText('p', 'note', 'absentNotAsked');
    try {
      return createAnswer(
        /** @type {AbsentAnswer} */ (await askApp('POST', '/console/absent', { roomId, to })),
      );
    } catch (error) {
      return createAnswer({ error: { message: error instanceof Error ? error.message : String(error) } });
    }
  }
}

/** @param {AbsentAnswer} answer */
function createAnswer(answer) {
  if ('error' in answer) return createText('p', 'note', 'absentUnknown', { message: answer.error.message });
  const { absent, complete, askedAt } = answer;
  const time = new Date(askedAt).toLocaleTimeString('en-GB');
  if (absent.length === 0) return createText('p', 'note', 'absentNone', { time });
  const shown = absent.slice(0, SHOWN).map((userId) => create('li', 'badge small', userId));
  const more = absent.length - shown.length;
  return create(
    'div',
    'absent',
    createText('p', 'note', complete ? 'absentList' : 'absentIncomplete', { time }),
    create('ul', 'chips', ...shown, ...(more > 0 ? [createText('li', 'note', 'absentMore', { more })] : [])),
  );
}
