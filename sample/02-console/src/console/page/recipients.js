import { byId, create } from './dom.js';
import { onLanguage, setText, text } from './language.js';

/**
 * @typedef {{ readonly kind: 'users', readonly to: readonly string[], readonly receipt: boolean } | { readonly kind: 'everyone' } | { readonly kind: 'simulated', readonly users: number, readonly skipAbsent: boolean }} Recipients
 * @typedef {{ readonly problem: import('./language.js').TextKey, readonly values?: import('./language.js').Values, readonly field: HTMLElement }} Problem
 */

const USERS_A_REQUEST = 600;
/** The service's limits of a message, for text as UTF-8 and for bytes. */
const MAX_BYTES = 20_480;
const MAX_BROADCAST_BYTES = 65_536;
/** What stands before a message with receipts. */
const PREFIX_BYTES = 40;

/** Whom a message goes to: users who are chosen, all in the room, or any number who are made up. */
export class RecipientsField {
  #roomId = '';
  /** @type {readonly string[]} */
  #inRoom = [];
  /** Who is in the room and not to be sent to. @type {Set<string>} */
  #left = new Set();
  #limits = { quota: 500, maxSimulated: 1 };
  #isEmulator = true;
  #choices = byId('choices', HTMLElement);
  #chips = byId('chips', HTMLElement);
  #others = byId('others', HTMLInputElement);
  #everyone = byId('everyone', HTMLElement);
  #simulated = byId('simulated-users', HTMLInputElement);
  #skipAbsent = byId('skip-absent', HTMLInputElement);
  #receipt = byId('receipt', HTMLInputElement);
  #estimate = byId('estimate', HTMLElement);

  /**
   * @param {(maxBytes: number) => void} onLimit is told how large a message to those chosen may be
   * @param {() => void} onNamed is called when others are named, or who is in the room has changed
   */
  constructor(onLimit, onNamed) {
    this.onLimit = onLimit;
    this.onNamed = onNamed;
    this.#others.addEventListener('input', onNamed);
    this.#skipAbsent.addEventListener('change', () => this.#showEstimate());
    this.#receipt.addEventListener('change', () => this.#showChoice());
    this.#choices.addEventListener('change', () => this.#showChoice());
    this.#simulated.addEventListener('input', () => this.#showEstimate());
    onLanguage(() => {
      this.#showEveryone();
      this.#showEstimate();
    });
    this.#showChoice();
  }

  /** @param {{ quota: number, maxSimulated: number }} limits */
  setLimits(limits) {
    this.#limits = limits;
    this.#simulated.max = String(limits.maxSimulated);
    this.#showEstimate();
  }

  /** Of the real service, who is in the room is not shown. @param {boolean} isEmulator */
  setEmulator(isEmulator) {
    this.#isEmulator = isEmulator;
    this.#showEveryone();
  }

  /**
   * @param {string} roomId
   * @param {readonly string[]} users who are in the room
   */
  setRoom(roomId, users) {
    if (roomId === this.#roomId && users.join() === this.#inRoom.join()) return;
    this.#roomId = roomId;
    this.#inRoom = users;
    const kept = new Map(
      Array.from(this.#chips.querySelectorAll('label'), (label) => [label.dataset['user'], label]),
    );
    for (const [userId, label] of kept) if (!users.includes(userId ?? '')) label.remove();
    for (const userId of users) if (!kept.has(userId)) this.#chips.append(this.#createChip(userId));
    byId('from-room', HTMLElement).hidden = users.length === 0;
    setText(byId('others-label', HTMLElement), users.length === 0 ? 'chosenIds' : 'chosenOthers');
    this.#showEveryone();
    this.onNamed();
  }

  /** Those who are named by their IDs. */
  get named() {
    return this.#others.value.split(/[,，\s]+/).filter((userId) => userId !== '');
  }

  /** @returns {Recipients | Problem} */
  read() {
    switch (this.#choice()) {
      case 'chosen': {
        const to = [...this.#inRoom.filter((userId) => !this.#left.has(userId)), ...this.named];
        return to.length > 0
          ? { kind: 'users', to, receipt: this.#receipt.checked }
          : { problem: 'chosenNone', field: this.#others };
      }
      case 'everyone':
        return this.#inRoom.length > 0 || !this.#isEmulator
          ? { kind: 'everyone' }
          : { problem: 'everyoneNone', field: byId('to-everyone', HTMLInputElement) };
      default: {
        const users = this.#simulated.valueAsNumber;
        const max = this.#limits.maxSimulated;
        return Number.isInteger(users) && users >= 1 && users <= max
          ? { kind: 'simulated', users, skipAbsent: this.#skipAbsent.checked }
          : { problem: 'simulatedRange', values: { max }, field: this.#simulated };
      }
    }
  }

  #choice() {
    return this.#choices.querySelector('input:checked')?.getAttribute('value') ?? 'chosen';
  }

  #showChoice() {
    for (const choice of ['chosen', 'everyone', 'simulated']) {
      byId(`if-${choice}`, HTMLElement).hidden = choice !== this.#choice();
    }
    byId('receipt-note', HTMLElement).hidden = !this.#receipt.checked;
    const prefix = this.#choice() === 'chosen' && this.#receipt.checked ? PREFIX_BYTES : 0;
    this.onLimit(this.#choice() === 'everyone' ? MAX_BROADCAST_BYTES : MAX_BYTES - prefix);
  }

  #showEveryone() {
    const { length: count } = this.#inRoom;
    const users = this.#inRoom.slice(0, 20).join(', ') + (count > 20 ? ' …' : '');
    if (!this.#isEmulator) setText(this.#everyone, 'everyoneReal');
    else if (count === 0) setText(this.#everyone, 'everyoneNone');
    else setText(this.#everyone, 'everyoneList', { count, users });
  }

  #showEstimate() {
    const users = this.#simulated.valueAsNumber;
    const { quota, maxSimulated: max } = this.#limits;
    if (!(users >= 1 && users <= max)) {
      setText(this.#estimate, 'simulatedRange', { max });
      return;
    }
    const requests = Math.ceil(users / USERS_A_REQUEST);
    const seconds = (requests / quota).toFixed(1);
    const key = this.#skipAbsent.checked ? 'simulatedSkip' : 'simulatedEstimate';
    this.#estimate.textContent = text(key, { users: String(users), requests, seconds });
  }

  /** @param {string} userId */
  #createChip(userId) {
    const box = create('input');
    box.type = 'checkbox';
    box.checked = !this.#left.has(userId);
    box.addEventListener('change', () => {
      if (box.checked) this.#left.delete(userId);
      else this.#left.add(userId);
    });
    const chip = create('label', 'chip', box, create('span', '', userId));
    chip.dataset['user'] = userId;
    return chip;
  }
}
