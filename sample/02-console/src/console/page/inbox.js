import { create, createEnglish, createText } from './dom.js';
import { setLabel, setText } from './language.js';

/** The oldest beyond these are dropped. */
const KEPT = 100;
const SHOWN_BYTES = 24;

/** What one user received, as it comes. */
export class Inbox {
  #log;
  #count;
  #empty = createText('p', 'note', 'inboxEmpty');
  #received = 0;

  /**
   * @param {string} userId
   * @param {() => void} onLeave
   */
  constructor(userId, onLeave) {
    const leave = createText('button', 'quiet', 'leave');
    leave.type = 'button';
    setLabel(leave, 'leaveUser', { user: userId });
    leave.addEventListener('click', onLeave);
    this.#count = createText('span', 'note', 'receivedCount', { count: 0 });
    this.#log = create('div', 'inbox', this.#empty);
    this.#log.setAttribute('role', 'log');
    // It scrolls, so the keyboard must come to it.
    this.#log.tabIndex = 0;
    setLabel(this.#log, 'inboxOf', { user: userId });
    this.element = create(
      'li',
      'user',
      create('div', 'user-head', create('h3', 'user-name', userId), this.#count, leave),
      this.#log,
    );
    this.element.dataset['user'] = userId;
  }

  /** @param {import('../live/live-event.js').ReceivedJson} message */
  add(message) {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 24;
    this.#empty.remove();
    this.#log.append(createMessage(message));
    while (this.#log.childElementCount > KEPT) this.#log.firstElementChild?.remove();
    this.#received += 1;
    setText(this.#count, 'receivedCount', { count: this.#received });
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/** @param {import('../live/live-event.js').ReceivedJson} message */
function createMessage({ event, from, message, at }) {
  const time = create('time', '', new Date(at).toLocaleTimeString('en-GB'));
  time.dateTime = at;
  const isText = !event.includes('Binary');
  const bytes = isText ? new Uint8Array() : Uint8Array.from(atob(message), (byte) => byte.charCodeAt(0));
  const what = isText
    ? createText('span', '', 'receivedText', { from })
    : createText('span', '', 'receivedBinary', { from, bytes: bytes.length });
  return create(
    'div',
    'message',
    create('p', 'message-head', time, what, createEnglish('code', '', event)),
    isText ? create('p', 'message-text', message) : create('p', 'message-bytes', toHex(bytes)),
  );
}

/** @param {Uint8Array} bytes */
function toHex(bytes) {
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
  return `${shown.join(' ')}${bytes.length > SHOWN_BYTES ? ' …' : ''}`;
}
