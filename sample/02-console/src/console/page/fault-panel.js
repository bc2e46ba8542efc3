import { askApp } from './ask-app.js';
import { byId } from './dom.js';
import { onLanguage, setText, text } from './language.js';

/** @typedef {import('../faults/fault.service.js').FaultState} FaultState */

/** Switches the emulator's faults on and off. */
export class FaultPanel {
  #name = byId('fault-name', HTMLSelectElement);
  #share = byId('fault-share', HTMLSelectElement);
  #button = byId('fault-button', HTMLButtonElement);
  #status = byId('fault-status', HTMLElement);
  #panel = byId('fault-panel', HTMLElement);
  /** @type {FaultState} */
  #state = { applied: 0 };

  /** @param {() => void} onSwitch is called when one was switched on or off, by whomever */
  constructor(onSwitch) {
    this.onSwitch = onSwitch;
    byId('fault-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#switch();
    });
    this.#name.addEventListener('change', () => this.#draw());
    onLanguage(() => this.#draw());
  }

  /** @param {boolean} isEmulator */
  offer(isEmulator) {
    byId('fault-emulator', HTMLElement).hidden = !isEmulator;
    byId('fault-real', HTMLElement).hidden = isEmulator;
  }

  /** @param {FaultState} state */
  update(state) {
    const wasOn = this.isOn;
    this.#state = state;
    this.#draw();
    if (wasOn !== this.isOn) this.onSwitch();
  }

  get isOn() {
    return this.#state.name !== undefined;
  }

  async #switch() {
    if (this.#state.name === 'refuse') return;
    const chosen = { name: this.#name.value, share: this.#share.value };
    try {
      const answer =
        this.#state.name === undefined
          ? await askApp('PUT', '/console/fault', chosen)
          : await askApp('DELETE', '/console/fault');
      this.update(/** @type {FaultState} */ (answer));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      setText(this.#status, 'faultFailed', { message });
    }
  }

  #draw() {
    const { name, share, applied } = this.#state;
    const { isOn } = this;
    // Another page, or another process, may have switched it on. What is none of the choices shows none.
    for (const [field, chosen] of /** @type {const} */ ([
      [this.#name, name],
      [this.#share, share],
    ])) {
      if (isOn) field.value = chosen ?? '';
      else if (field.selectedIndex === -1) field.selectedIndex = 0;
    }
    this.#panel.classList.toggle('on', isOn);
    // Those that befall connections take no share of requests.
    this.#share.disabled = isOn || this.#name.value === 'refuse';
    this.#name.disabled = isOn;
    this.#button.setAttribute('aria-disabled', String(name === 'refuse'));
    setText(this.#button, isOn ? 'faultOff' : 'faultOn');
    if (name === undefined) setText(this.#status, 'faultNone');
    else if (name === 'other') setText(this.#status, 'faultActiveOther', { applied });
    else {
      const values = { fault: text(`fault_${name}`), applied };
      setText(this.#status, name === 'refuse' ? 'faultActiveRefuse' : 'faultActive', values);
    }
  }
}
