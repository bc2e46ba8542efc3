import { Injectable } from '@nestjs/common';
import { EmulatorClient, type ListedFault } from '../emulator/emulator.client.js';
import { FAULT_PRESETS, type FaultName, type FaultShare, faultRule } from './fault-presets.js';
import { isSpent, recognizeFault } from './listed-fault.js';

/** What goes wrong at the emulator at present, whoever set it. */
export interface FaultState {
  /** `other`: something that the console has no name for; left out when nothing goes wrong. */
  readonly name?: FaultName | 'other';
  /** Of a fault that has a name. */
  readonly share?: FaultShare;
  /** How many requests (or connections) it has befallen. */
  readonly applied: number;
}

const NONE: FaultState = { applied: 0 };

/** Switches the emulator's faults on and off: one at a time, since the first that applies decides. */
@Injectable()
export class FaultService {
  #state = NONE;
  #refusesUntil = 0;

  constructor(private readonly emulator: EmulatorClient) {}

  async switchOn(name: FaultName, share: FaultShare): Promise<FaultState> {
    await this.emulator.setFaults([faultRule(name, share)]);
    if (name === 'refuse') this.#refusesUntil = performance.now() + FAULT_PRESETS.refuse.forMs;
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
    if (this.#state.name === 'refuse') {
      if (performance.now() < this.#refusesUntil) return this.#state;
      this.#state = NONE;
    }
    const asked = this.#state;
    try {
      const state = readState(await this.emulator.faults());
      // It may have been switched meanwhile.
      if (this.#state === asked) this.#state = state;
    } catch {
      // It refuses connections, or is being started again.
    }
    return this.#state;
  }
}

function readState(listed: readonly ListedFault[]): FaultState {
  const faults = listed.filter((fault) => !isSpent(fault));
  const [first] = faults;
  if (first === undefined) return NONE;
  const { applied, ...rule } = first;
  const known = faults.length === 1 ? recognizeFault(rule) : undefined;
  if (known !== undefined) return { ...known, applied };
  return { name: 'other', applied: faults.reduce((sum, fault) => sum + fault.applied, 0) };
}
