import type { Permit, PermitUse } from '../quota/permit.js';
import { COOLING_MS, LOST_MS } from '../quota/permit-pool.js';
import { AHEAD_MS, LEASE_MS } from './permit-script.js';

/** Without an answer of the service for so long, requests go as probes only, one in so long. */
const QUIET_MS = 500;
const PROBE_MS = 1_000;
/** So long a permit without an answer is kept, if nothing is answered that was let go later. */
const SILENT_MS = 60_000;
/** So many names are told with one command: more than are out in a second of the largest quota there is. */
const MAX_NAMES = 5_000;

/** Permits of one request, by their names in Redis. */
interface PermitOut {
  readonly names: readonly string[];
  readonly takenAt: number;
  /** When it was given up without an answer. */
  givenUpAt?: number;
  /** 0: they were not used; Infinity while they are under way. */
  freeAt: number;
  /** What Redis knows of that: a lease while they are under way. */
  reportedUntil?: number | undefined;
  /** By then, Redis takes them for free by itself, whatever it was told. */
  forgetAt: number;
}

/** What Redis is to be told: until when these permits are not free, 0 if they were not used. */
export interface PermitReport {
  readonly permit: PermitOut;
  readonly until: number;
}

/** All permits that this process has out. Times are on its own clock. */
export class PermitsOut {
  // In the order of being let go, and of being given back.
  readonly #underWay = new Set<PermitOut>();
  readonly #givenBack = new Set<PermitOut>();
  #answeredAt = Number.NEGATIVE_INFINITY;
  #takenAt = Number.NEGATIVE_INFINITY;

  /** @param reportedUntil what Redis knows of these already */
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

  /** Redis may have given these out, and no one uses them. */
  drop(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#givenBack.add({ names, takenAt: 0, freeAt: 0, forgetAt: forgottenAt(performance.now()) });
  }

  /** What Redis does not know, or would not soon. */
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

  /** Redis knows them by now. */
  markReported(reports: readonly PermitReport[]): void {
    for (const { permit, until } of reports) permit.reportedUntil = until;
  }

  /** Redis may know nothing of what is out. */
  reportAllAgain(): void {
    for (const permit of [...this.#underWay, ...this.#givenBack]) permit.reportedUntil = undefined;
  }

  /** How long nothing is to leave: a service that stands still reads later all that it was sent. */
  quietMs(now: number): number {
    const [oldest] = this.#underWay;
    if (oldest === undefined || now - Math.max(this.#answeredAt, oldest.takenAt) <= QUIET_MS) return 0;
    return Math.max(0, this.#takenAt + PROBE_MS - now);
  }

  /** How long it is until so many more may be out, of a limit; Infinity: until one is given back. */
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

/** When the lease of what is used now, or might have been, is over. */
function forgottenAt(now: number): number {
  return now + LEASE_MS + AHEAD_MS;
}
