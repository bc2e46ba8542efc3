import { Injectable } from '@nestjs/common';
import { EmulatorClient } from '../emulator/emulator.client.js';
import { FAULT_PRESETS, type FaultName, faultRule, type FaultShare } from './fault-presets.js';

/** What goes wrong at the emulator at present. */
export interface FaultState {
  readonly name: FaultName | undefined;
  readonly share: FaultShare;
  /** How many requests (or connections) it has befallen. */
  readonly applied: number;
}

const NONE: FaultState = { name: undefined, share: 'all', applied: 0 };

/** Switches the emulator's faults on and off: one at a time, since the first that applies decides. */
@Injectable()
export class FaultService {
  #state = NONE;
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(private readonly emulator: EmulatorClient) {}

  async switchOn(name: FaultName, share: FaultShare): Promise<FaultState> {
    await this.emulator.setFaults([faultRule(name, share)]);
    this.#endsAt =
      name === 'refuse' ? performance.now() + FAULT_PRESETS.refuse.forMs : Number.POSITIVE_INFINITY;
    this.#state = { name, share, applied: 0 };
    return this.#state;
  }

  async switchOff(): Promise<FaultState> {
    await this.emulator.setFaults([]);
    this.#state = NONE;
    return this.#state;
  }

  /** As the emulator has it; as it was last, while the emulator can't be asked. */
  async current(): Promise<FaultState> {
    if (this.#state.name === undefined) return this.#state;
    if (performance.now() > this.#endsAt) return (this.#state = NONE);
    try {
      const asked = this.#state;
      const applied = await this.emulator.faultsApplied();
      // It may have been switched meanwhile.
      if (this.#state === asked) this.#state = { ...asked, applied };
      if (this.#state.share === 'next' && this.#state.applied > 0) this.#state = NONE;
    } catch {
      // It refuses connections, or is being started again.
    }
    return this.#state;
  }
}
