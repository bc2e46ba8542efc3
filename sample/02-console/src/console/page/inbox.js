import { create, createEnglish, createText } from './dom.js';
import { setLabel, setText } from './language.js';

/** The oldest beyond these are dropped. */
const KEPT = 100;
const SHOWN_BYTES = 24;

/** What one user received, as it comes, and what the user can do. */
export class Inbox {
  #log;
  #count;
  #empty = createText('p', 'note', 'inboxEmpty');
  #received = 0;

  /**
   * @param {string} userId
   * @param {{ onRaiseHand(): void, onLeave(): void }} listener
   */
  constructor(userId, { onRaiseHand, onLeave }) {
    const raiseHand = createButton('raiseHand', 'raiseHandUser', userId, onRaiseHand);
    const leave = createButton('leave', 'leaveUser', userId, onLeave);
    this.#count = createText('span', 'note', 'receivedCount', { count: 0 });
    this.#log = create('div', 'inbox', this.#empty);
    this.#log.setAttribute('role', 'log');
    // It scrolls, so the keyboard must come to it.
    this.#log.tabIndex = 0;
    setLabel(this.#log, 'inboxOf', { user: userId });
    const tools = create('div', 'user-tools', this.#count, raiseHand, leave);
    this.element = create(
      'li',
      'user',
      create('div', 'user-head', create('h3', 'user-name', userId), tools),
      this.#log,
    );
    this.element.dataset['user'] = userId;
  }

  /** @param {import('../live/live-event.js').ReceivedJson} message */
  add(message) {
    this.#received += 1;
    setText(this.#count, 'receivedCount', { count: this.#received });
    this.#append(createMessage(message));
  }

  /** @param {Pick<import('../live/live-event.js').ReceivedJson, 'event' | 'at'>} copy that the app does not show */
  addCopy({ event, at }) {
    this.#append(createEntry(at, createText('span', '', 'copyDropped'), event));
  }

  /** @param {import('../live/live-event.js').AnswerJson} answer of the business server, to what the user sent */
  addAnswer({ event, error, message }) {
    const isAnswered = error === 'Success';
    const what = isAnswered
      ? createText('span', '', 'answered')
      : createText('span', '', 'notAnswered', { error });
    this.#append(createEntry(new Date().toISOString(), what, event, create('p', 'message-text', message)));
  }

  /** @param {HTMLElement} entry */
  #append(entry) {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 24;
    this.#empty.remove();
    this.#log.append(entry);
    while (this.#log.childElementCount > KEPT) this.#log.firstElementChild?.remove();
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/** @param {import('../live/live-event.js').ReceivedJson} message */
function createMessage({ event, from, message, at }) {
  const isText = !event.includes('Binary');
  const bytes = isText ? new Uint8Array() : Uint8Array.from(atob(message), (byte) => byte.charCodeAt(0));
  const what = isText
    ? createText('span', '', 'receivedText', { from })
    : createText('span', '', 'receivedBinary', { from, bytes: bytes.length });
  const content = isText ? create('p', 'message-text', message) : create('p', 'message-bytes', toHex(bytes));
  return createEntry(at, what, event, content);
}

/**
 * @param {string} at
 * @param {HTMLElement} what
 * @param {string} event the client SDK's callback
 * @param {...HTMLElement} content
 */
function createEntry(at, what, event, ...content) {
  const time = create('time', '', new Date(at).toLocaleTimeString('en-GB'));
  time.dateTime = at;
  return create(
    'div',
    'message',
    create('p', 'message-head', time, what, createEnglish('code', '', event)),
    ...content,
  );
}

/**
 * @param {import('./language.js').TextKey} key
 * @param {import('./language.js').TextKey} label
 * @param {string} user
 * @param {() => void} onClick
 */
function createButton(key, label, user, onClick) {
  const button = createText('button', 'quiet', key);
  button.type = 'button';
  setLabel(button, label, { user });
  button.addEventListener('click', onClick);
  return button;
}

/** @param {Uint8Array} bytes */
function toHex(bytes) {
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
  return `${shown.join(' ')}${bytes.length > SHOWN_BYTES ? ' …' : ''}`;
}
