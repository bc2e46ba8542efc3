import { byId, create, createText } from './dom.js';
import { Inbox } from './inbox.js';
import { setLabel, setText } from './language.js';
import { rememberedInTab } from './stored.js';

const STORED_ROOM = 'console-room';
const STORED_USERS = 'console-users';

/** The room: who is in it, and what they receive. */
export class RoomPanel {
  roomId = '';
  /** Everyone in the room, whoever let them join. @type {readonly string[]} */
  users = [];
  /** Those whom this page let join, in that order. @type {Map<string, Inbox>} */
  #inboxes = new Map();
  #list = byId('users', HTMLUListElement);
  #count = byId('users-count', HTMLElement);
  #empty = byId('users-empty', HTMLElement);
  #problem = byId('join-problem', HTMLElement);
  #roomInput = byId('room-id', HTMLInputElement);
  #userInput = byId('user-id', HTMLInputElement);

  /**
   * @param {import('./live-connection.js').LiveConnection} connection
   * @param {{ onChange(): void, onMove(): void }} listener is told when someone joined or left, and of another room
   */
  constructor(connection, listener) {
    this.connection = connection;
    this.listener = listener;
    byId('room-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#goTo(this.#roomInput.value.trim());
    });
    this.#userInput.addEventListener('input', () => {
      this.#problem.hidden = true;
    });
    byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join(this.#userInput.value.trim());
      this.#userInput.value = '';
    });
  }

  /**
   * Before the connection is there: the room and users that the address names, else those of before.
   * @param {{ room: string | null, join: readonly string[] }} named
   */
  prepare({ room, join }) {
    this.roomId = room ?? rememberedInTab.get(STORED_ROOM) ?? 'room-1';
    this.#roomInput.value = this.roomId;
    rememberedInTab.set(STORED_ROOM, this.roomId);
    if (room !== null || join.length > 0) rememberedInTab.set(STORED_USERS, JSON.stringify(join));
  }

  /** A new connection knows nothing of the room, and those who joined over the last one have left. */
  enter(/** @type {boolean} */ isEmulator) {
    for (const inbox of this.#inboxes.values()) inbox.element.remove();
    this.#inboxes.clear();
    byId('room-emulator', HTMLElement).hidden = !isEmulator;
    byId('room-real', HTMLElement).hidden = isEmulator;
    this.connection.send({ type: 'room', roomId: this.roomId });
    for (const userId of readUsers()) this.connection.send({ type: 'join', userId });
    this.#draw();
  }

  /** @param {import('./live-connection.js').LiveEvent} event */
  handle(event) {
    switch (event.type) {
      case 'room':
        if (event.roomId !== this.roomId) return;
        this.users = event.users;
        break;
      case 'joined':
        this.#inboxes.set(event.userId, this.#createInbox(event.userId));
        this.#problem.hidden = true;
        if (!this.users.includes(event.userId)) this.users = [...this.users, event.userId];
        break;
      case 'left':
        this.#inboxes.get(event.userId)?.element.remove();
        this.#inboxes.delete(event.userId);
        this.users = this.users.filter((userId) => userId !== event.userId);
        if (event.reason !== 'left') {
          this.#tellProblem(event.reason === 'replaced' ? 'leftReplaced' : 'leftLost', {
            user: event.userId,
          });
        }
        break;
      case 'not_joined':
        this.#tellProblem('joinFailed', { user: event.userId, message: event.message });
        break;
      case 'received':
        this.#inboxes.get(event.userId)?.add(event.received);
        return;
      case 'copy_dropped':
        this.#inboxes.get(event.userId)?.addCopy(event);
        return;
      case 'answered':
        this.#inboxes.get(event.userId)?.addAnswer(event.answer);
        return;
      default:
        return;
    }
    this.#draw();
  }

  /** @param {string} roomId */
  #goTo(roomId) {
    if (roomId === '' || roomId === this.roomId) return;
    this.roomId = roomId;
    this.users = [];
    rememberedInTab.set(STORED_ROOM, roomId);
    rememberedInTab.set(STORED_USERS, '[]');
    this.#problem.hidden = true;
    this.connection.send({ type: 'room', roomId });
    this.listener.onMove();
    this.#draw();
  }

  /** @param {string} userId */
  #createInbox(userId) {
    return new Inbox(userId, {
      onRaiseHand: () => this.connection.send({ type: 'raise_hand', userId }),
      onLeave: () => this.#leave(userId),
    });
  }

  /** @param {string} userId */
  #join(userId) {
    if (userId === '' || this.#inboxes.has(userId)) return;
    this.connection.send({ type: 'join', userId });
  }

  /** @param {string} userId */
  #leave(userId) {
    this.connection.send({ type: 'leave', userId });
    // Its button goes with it, and whoever works by keyboard must not lose their place.
    this.#userInput.focus();
    this.#remember([...this.#inboxes.keys()].filter((other) => other !== userId));
  }

  /** @param {readonly string[]} users */
  #remember(users) {
    rememberedInTab.set(STORED_USERS, JSON.stringify(users));
  }

  /**
   * @param {'leftReplaced' | 'leftLost' | 'joinFailed'} key
   * @param {import('./language.js').Values} values
   */
  #tellProblem(key, values) {
    this.#problem.hidden = false;
    setText(this.#problem, key, values);
  }

  #draw() {
    const elsewhere = this.users.filter((userId) => !this.#inboxes.has(userId));
    const here = [...this.#inboxes.values()].map(({ element }) => element);
    for (const old of this.#list.querySelectorAll(':scope > .elsewhere')) old.remove();
    // What is in place is not moved: it would lose the focus.
    for (const element of here) if (!element.isConnected) this.#list.append(element);
    this.#list.append(...elsewhere.map((userId) => this.#createElsewhere(userId)));
    this.#empty.hidden = this.users.length > 0 || here.length > 0;
    this.#count.hidden = !this.#empty.hidden;
    setText(this.#count, 'usersCount', { count: Math.max(this.users.length, here.length) });
    if (here.length > 0) this.#remember([...this.#inboxes.keys()]);
    this.listener.onChange();
  }

  /** @param {string} userId */
  #createElsewhere(userId) {
    const button = createText('button', 'quiet', 'takeOver');
    button.type = 'button';
    setLabel(button, 'takeOverUser', { user: userId });
    button.addEventListener('click', () => {
      this.#userInput.focus();
      this.#join(userId);
    });
    return create(
      'li',
      'user elsewhere',
      create('div', 'user-head', create('h3', 'user-name', userId), button),
      createText('p', 'note', 'elsewhere'),
    );
  }
}

/** @returns {string[]} */
function readUsers() {
  return JSON.parse(rememberedInTab.get(STORED_USERS) ?? '[]');
}
