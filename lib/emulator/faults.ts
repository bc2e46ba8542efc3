import { checkFaultRule } from './check-fault.js';
import type { Fault, FaultRule, FaultTarget } from './fault.js';
import { acceptsRequest, rulesOf, type Struck } from './fault-kinds.js';
import type { Listener } from './listener.js';
import { seededRandom } from './seeded-random.js';

/** A fault rule and its effect so far. */
export class ActiveFault {
  /** Number of requests, connections or callbacks it was applied to. */
  applied = 0;
  readonly #random: () => number;
  readonly #onRemove: () => void;

  /** @internal Faults come from `emulator.faults`. */
  constructor(
    /** As it was added. */
    readonly rule: FaultRule,
    onRemove: () => void,
  ) {
    this.#random = seededRandom(rule.seed ?? 1);
    this.#onRemove = onRemove;
  }

  /** @internal */
  get strikes(): Struck {
    return rulesOf(this.rule.kind).strikes ?? 'request';
  }

  /** @internal Whether it has befallen as many as it was to. */
  get isSpent(): boolean {
    const { probability, times = probability === undefined ? 1 : Infinity } = this.rule;
    return this.applied >= times;
  }

  /** @internal Whether it befalls this one; counts it if so. */
  befalls(request?: { readonly target: FaultTarget }): boolean {
    const { probability, match } = this.rule;
    if (this.isSpent) return false;
    if (match !== undefined && request !== undefined && !matches(match, request.target)) return false;
    if (probability !== undefined && this.#random() >= probability) return false;
    this.applied += 1;
    return true;
  }

  /** Removes the rule. */
  remove(): void {
    this.#onRemove();
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
  #active: ActiveFault[] = [];

  /** @internal Faults come from `emulator.faults`. */
  constructor(private readonly listener: Pick<Listener, 'isTls' | 'refuse' | 'resume'>) {}

  /** All rules that were not removed, used up or not. */
  get active(): readonly ActiveFault[] {
    return this.#active;
  }

  /** @throws TypeError naming each invalid field */
  add(rule: FaultRule): ActiveFault {
    this.#check(rule);
    const fault: ActiveFault = new ActiveFault(rule, () => {
      this.#active = this.#active.filter((other) => other !== fault);
    });
    this.#active.push(fault);
    // There is no request to wait for where none can come.
    if (rule.kind === 'refuse' && fault.befalls()) this.listener.refuse(rule.forMs);
    return fault;
  }

  /**
   * Puts these in place of all that there are, or throws and changes nothing.
   * @throws TypeError naming each invalid field
   */
  replace(rules: readonly FaultRule[]): void {
    for (const rule of rules) this.#check(rule);
    this.clear();
    for (const rule of rules) this.add(rule);
  }

  /** Removes all rules. Connections are accepted again. */
  clear(): void {
    this.#active = [];
    this.listener.resume();
  }

  /** @internal Whether a request is not even to be read; there must be nothing in it to decide by. */
  resetsUnread(): boolean {
    const next = this.#active.find(({ strikes, isSpent }) => strikes === 'request' && !isSpent);
    if (next === undefined) return false;
    const { kind, match, probability } = next.rule;
    const unread = kind === 'reset' && !acceptsRequest(next.rule) && match === undefined;
    return unread && probability === undefined && next.befalls();
  }

  /** @internal The fault of a request, a new connection or a callback, if one befalls it. */
  for(struck: Struck, one?: { readonly target: FaultTarget }): Fault | undefined {
    return this.#active.find((fault) => fault.strikes === struck && fault.befalls(one))?.rule;
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
