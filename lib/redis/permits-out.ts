import type { Permit, PermitUse } from '../quota/permit.js';
import { COOLING_MS, LOST_MS } from '../quota/permit-pool.js';
import { AHEAD_MS, LEASE_MS } from './permit-script.js';

/** After this long without an answer of the service, requests are sent as probes only, at this interval. */
const QUIET_MS = 500;
const PROBE_MS = 1_000;
/** An unanswered permit is kept this long if no later request is answered. */
const SILENT_MS = 60_000;
/** Largest number of names in one command: more than the largest quota has out in a second. */
const MAX_NAMES = 5_000;

/** Permits of one request, by their names in Redis. */
interface PermitOut {
  readonly names: readonly string[];
  readonly takenAt: number;
  /** When the request was given up without an answer. */
  givenUpAt?: number;
  /** When the permits are free. 0: they were not used. Infinity: their request is in flight. */
  freeAt: number;
  /** What Redis was last told about `freeAt`. It is a lease while the request is in flight. */
  reportedUntil?: number | undefined;
  /** When Redis frees the permits by itself, whatever was reported. */
  forgetAt: number;
}

/** A report to Redis: until when these permits are not free. 0: they were not used. */
export interface PermitReport {
  readonly permit: PermitOut;
  readonly until: number;
}

/** All permits that this process has out. Times are on this process's clock. */
export class PermitsOut {
  // Sorted by the time of sending, and by the time of return.
  readonly #underWay = new Set<PermitOut>();
  readonly #givenBack = new Set<PermitOut>();
  #answeredAt = Number.NEGATIVE_INFINITY;
  #takenAt = Number.NEGATIVE_INFINITY;

  /** @param reportedUntil what Redis already knows about these permits */
  hold(names: readonly string[], reportedUntil?: number): Permit {
    const takenAt = performance.now();
    const permit: PermitOut = { names, takenAt, freeAt: Infinity, reportedUntil, forgetAt: Infinity };
    this.#takenAt = permit.takenAt;
    this.#underWay.add(permit);
    return {
      isValid: () => (permit.reportedUntil ?? Infinity) > performance.now(),
      giveBack: (use) => this.#giveBack(permit, use),
    };
  }

  /** Returns permits that Redis may have granted and this process does not use. */
  drop(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#givenBack.add({ names, takenAt: 0, freeAt: 0, forgetAt: forgottenAt(performance.now()) });
  }

  /** Everything that Redis does not know yet, and leases that run out soon. */
  unreported(now: number): PermitReport[] {
    for (const permit of this.#underWay) {
      if ((permit.givenUpAt ?? permit.takenAt + LOST_MS) + SILENT_MS < now) this.#release(permit, 0);
    }
    for (const permit of this.#givenBack) {
      const isReported = permit.freeAt <= now && permit.reportedUntil === permit.freeAt;
      if (isReported || permit.forgetAt <= now) this.#givenBack.delete(permit);
    }
    const leases = [...this.#underWay].filter(({ reportedUntil = 0 }) => reportedUntil < now + LEASE_MS / 2);
    const returns = [...this.#givenBack].filter(({ reportedUntil, freeAt }) => reportedUntil !== freeAt);
    let names = 0;
    return [
      ...leases.map((permit) => ({ permit, until: now + LEASE_MS })),
      ...returns.map((permit) => ({ permit, until: permit.freeAt })),
    ].filter(({ permit }) => (names += permit.names.length) <= MAX_NAMES);
  }

  /** Notes that Redis has received these reports. */
  markReported(reports: readonly PermitReport[]): void {
    for (const { permit, until } of reports) permit.reportedUntil = until;
  }

  /** Reports everything again, since Redis may have lost its data. */
  reportAllAgain(): void {
    for (const permit of [...this.#underWay, ...this.#givenBack]) permit.reportedUntil = undefined;
  }

  /**
   * How long no request may be sent, in milliseconds. A service that does not answer may later read everything that it
   * was sent.
   */
  quietMs(now: number): number {
    const [oldest] = this.#underWay;
    if (oldest === undefined || now - Math.max(this.#answeredAt, oldest.takenAt) <= QUIET_MS) return 0;
    return Math.max(0, this.#takenAt + PROBE_MS - now);
  }

  /** How long until this many permits are free under a limit, in milliseconds. Infinity: until one is returned. */
  delayMs(permits: number, limit: number, now: number): number {
    const out = [...this.#underWay, ...this.#givenBack].filter(({ freeAt }) => freeAt > now);
    const left = limit - out.reduce((sum, { names }) => sum + names.length, 0);
    return left >= Math.min(permits, limit) ? 0 : Math.min(...out.map(({ freeAt }) => freeAt)) - now;
  }

  #giveBack(permit: PermitOut, use: PermitUse): void {
    if (!this.#underWay.has(permit) || permit.givenUpAt !== undefined) return;
    const now = performance.now();
    if (use === 'unanswered') permit.givenUpAt = now;
    else if (use === 'unused') this.#release(permit, 0);
    else {
      this.#answeredAt = now;
      this.#release(permit, now + COOLING_MS);
      for (const silent of this.#underWay) {
        if ((silent.givenUpAt ?? Infinity) < permit.takenAt) this.#release(silent, now + COOLING_MS);
      }
    }
  }

  #release(permit: PermitOut, freeAt: number): void {
    permit.freeAt = freeAt;
    permit.forgetAt = Math.max(freeAt, forgottenAt(performance.now()));
    this.#underWay.delete(permit);
    this.#givenBack.add(permit);
  }
}

/** When the lease of a permit ends that is used now or may have been. */
function forgottenAt(now: number): number {
  return now + LEASE_MS + AHEAD_MS;
}
