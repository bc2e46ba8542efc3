import { checkFaultRule } from './check-fault.js';
import type { Fault, FaultRule, FaultTarget } from './fault.js';
import { acceptsRequest, rulesOf } from './fault-kinds.js';
import type { Listener } from './listener.js';
import { seededRandom } from './seeded-random.js';

/** A rule that was added, and what it has done. */
export interface ActiveFault {
  /** As it was added. */
  readonly rule: FaultRule;
  /** How many requests or connections it has befallen. */
  readonly applied: number;
  /** Takes it away, whatever is left of it. */
  remove(): void;
}

class Entry implements ActiveFault {
  applied = 0;
  readonly strikes: 'connection' | undefined;
  readonly #random: () => number;

  constructor(
    readonly rule: FaultRule,
    private readonly onRemove: (entry: Entry) => void,
  ) {
    this.strikes = rulesOf(rule.kind).strikes;
    this.#random = seededRandom(rule.seed ?? 1);
  }

  /** Whether it has befallen as many as it was to. */
  get isSpent(): boolean {
    const { probability, times = probability === undefined ? 1 : Infinity } = this.rule;
    return this.applied >= times;
  }

  /** Whether it befalls this one; counts it if so. */
  befalls(request?: { readonly target: FaultTarget }): boolean {
    const { probability, match } = this.rule;
    if (this.isSpent || (match !== undefined && request !== undefined && !matches(match, request.target))) {
      return false;
    }
    if (probability !== undefined && this.#random() >= probability) return false;
    this.applied += 1;
    return true;
  }

  remove(): void {
    this.onRemove(this);
  }
}

/**
 * Faults that the emulator injects, in the order in which they were added: the first rule that applies decides.
 *
 * ```ts
 * emulator.faults.add({ kind: 'reset', accept: true }); // the next request: accepted, then the connection breaks
 * emulator.faults.add({ kind: 'error', code: 'InternalError', probability: 0.1, seed: 7 });
 * ```
 */
export class Faults {
  #entries: Entry[] = [];

  /** @internal Faults come from `emulator.faults`. */
  constructor(private readonly listener: Pick<Listener, 'isTls' | 'refuse' | 'resume'>) {}

  /** All rules that were added and not removed, used up or not. */
  get active(): readonly ActiveFault[] {
    return this.#entries;
  }

  /** @throws TypeError naming the field that can't be used */
  add(rule: FaultRule): ActiveFault {
    this.#check(rule);
    const entry = new Entry(rule, (gone) => {
      this.#entries = this.#entries.filter((other) => other !== gone);
    });
    this.#entries.push(entry);
    // There is no request to wait for where none can come.
    if (rule.kind === 'refuse' && entry.befalls()) this.listener.refuse(rule.forMs);
    return entry;
  }

  /**
   * Puts these in place of all that there are, or throws and changes nothing.
   * @throws TypeError naming the field that can't be used
   */
  replace(rules: readonly FaultRule[]): void {
    for (const rule of rules) this.#check(rule);
    this.clear();
    for (const rule of rules) this.add(rule);
  }

  /** Takes all away; connections are accepted again. */
  clear(): void {
    this.#entries = [];
    this.listener.resume();
  }

  /** @internal Whether a request is not even to be read; there must be nothing in it to decide by. */
  resetsUnread(): boolean {
    const next = this.#entries.find(({ strikes, isSpent }) => strikes === undefined && !isSpent);
    if (next === undefined) return false;
    const { kind, match, probability } = next.rule;
    const unread = kind === 'reset' && !acceptsRequest(next.rule) && match === undefined;
    return unread && probability === undefined && next.befalls();
  }

  /** @internal The fault of a request, if one befalls it. */
  forRequest(request: { readonly target: FaultTarget }): Fault | undefined {
    return this.#entries.find((entry) => entry.strikes === undefined && entry.befalls(request))?.rule;
  }

  /** @internal The fault of a new connection, if one befalls it. */
  forConnection(): Fault | undefined {
    return this.#entries.find(
      (entry) => entry.strikes === 'connection' && entry.rule.kind !== 'refuse' && entry.befalls(),
    )?.rule;
  }

  #check(rule: FaultRule): void {
    checkFaultRule(rule);
    if (rule.kind === 'untrusted_certificate' && !this.listener.isTls) {
      throw new TypeError('untrusted_certificate: this emulator does not serve over TLS');
    }
  }
}

function matches(match: NonNullable<FaultRule['match']>, target: FaultTarget): boolean {
  if (typeof match === 'function') return match(target);
  const { action = target.action, roomId = target.roomId, userId } = match;
  return (
    action === target.action &&
    roomId === target.roomId &&
    (userId === undefined || target.to.includes(userId))
  );
}
