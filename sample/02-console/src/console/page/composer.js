import { AbsentUsers } from './absent-users.js';
import { askApp } from './ask-app.js';
import { confirmSend } from './confirm-dialog.js';
import { byId } from './dom.js';
import { setText } from './language.js';
import { MessageField } from './message-field.js';
import { RecipientsField } from './recipients.js';

/** Sends a message, as text or bytes, to whom it is to go. */
export class Composer {
  #message = new MessageField();
  absent = new AbsentUsers(
    () => ({ roomId: this.place().roomId, to: this.recipients.named }),
    () => !this.place().isFaulty,
  );
  recipients = new RecipientsField(
    (maxBytes) => this.#message.setLimit(maxBytes),
    () => this.absent.refresh(),
  );
  #form = byId('composer-form', HTMLFormElement);
  #send = byId('send', HTMLButtonElement);
  #problem = byId('composer-problem', HTMLElement);
  #busy = false;

  /**
   * @param {import('./live-connection.js').LiveConnection} connection
   * @param {import('./outcome-panel.js').OutcomePanel} outcome
   * @param {() => { roomId: string, isReal: boolean, isFaulty: boolean }} place
   */
  constructor(connection, outcome, place) {
    this.connection = connection;
    this.outcome = outcome;
    this.place = place;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#form.requestSubmit();
      }
    });
  }

  async #submit() {
    if (this.#busy) return;
    this.#setBusy(true);
    try {
      await this.#sendNow();
    } finally {
      this.#setBusy(false);
    }
  }

  async #sendNow() {
    const recipients = this.recipients.read();
    const message = await this.#message.read();
    const problem = 'problem' in recipients ? recipients : 'problem' in message ? message : undefined;
    this.#showProblem(problem);
    if ('problem' in recipients || 'problem' in message) return;
    const { roomId, isReal } = this.place();
    if (isReal && !(await confirmSend(recipients, roomId))) return;
    const request = { roomId, ...message, confirmed: isReal };
    if (recipients.kind === 'simulated') {
      const { users, skipAbsent } = recipients;
      this.#fanOut({ ...request, users, skipAbsent });
    } else if (recipients.kind === 'everyone') await this.#ask('/console/broadcasts', request);
    else await this.#sendTo(recipients, request);
  }

  /**
   * @param {{ readonly to: readonly string[], readonly receipt: boolean }} recipients
   * @param {{ readonly roomId: string }} request
   */
  async #sendTo({ to, receipt: isReceiptWanted }, request) {
    const receipt = await this.#ask('/console/messages', { ...request, to, receipt: isReceiptWanted }, to);
    this.absent.refresh();
    // The next message does not wait for it.
    if (receipt !== undefined)
      void this.absent.ask({ roomId: request.roomId, to }).then((view) => receipt.append(view));
  }

  /** @param {import('../fan-out/simulated-fan-out.js').SimulatedFanOut} request */
  #fanOut(request) {
    if (!this.outcome.fanOut.begin(request.users)) return;
    if (!this.connection.send({ type: 'fan_out', ...request })) this.outcome.fanOut.lose();
  }

  /**
   * @param {string} path
   * @param {object} request
   * @param {readonly string[]} [to]
   * @returns what the receipt is shown in, if there is one
   */
  async #ask(path, request, to = []) {
    this.outcome.showBusy();
    try {
      const answer = await askApp('POST', path, request);
      return this.outcome.showAnswer(/** @type {import('./outcome-panel.js').Answer} */ (answer), to);
    } catch (error) {
      this.outcome.showFailure(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** @param {import('./recipients.js').Problem | undefined} problem */
  #showProblem(problem) {
    this.#problem.hidden = problem === undefined;
    for (const field of this.#form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
    if (problem === undefined) return;
    setText(this.#problem, problem.problem, problem.values);
    problem.field.setAttribute('aria-invalid', 'true');
    problem.field.focus();
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.#busy = busy;
    // Not disabled: whoever pressed it by keyboard would lose their place.
    this.#send.setAttribute('aria-disabled', String(busy));
  }
}
