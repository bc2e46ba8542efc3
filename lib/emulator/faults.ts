import type { OptionTable } from '../options/option-table.js';
import { checkedOptions } from '../options/read-options.js';
import { must, wholeNumber } from '../options/rules.js';
import { isCallbackAction } from './callback.js';
import { isEmulatedAction } from './emulated-action.js';
import type { Fault, FaultKind, FaultRule, FaultTarget } from './fault.js';
import { FAULT_KINDS, rulesOf, type FaultTargetKind, targetKindOf } from './fault-kinds.js';
import type { Listener } from './listener.js';
import { seededRandom } from './seeded-random.js';

/** A fault rule and its effect so far. */
export class ActiveFault {
  /** Number of requests, connections or callbacks it was applied to. */
  applied = 0;
  readonly #random: () => number;

  /** @internal Faults come from `emulator.faults`. */
  constructor(
    /** As it was added. */
    readonly rule: FaultRule,
    /** Removes the rule. */
    readonly remove: () => void,
  ) {
    this.#random = seededRandom(rule.seed ?? 1);
  }

  /** @internal Whether it applies to this one. Counts it if so. */
  applies(request?: { readonly target: FaultTarget }): boolean {
    const { probability, match, times = probability === undefined ? 1 : Infinity } = this.rule;
    if (this.applied >= times) return false;
    if (match !== undefined && request !== undefined && !matches(match, request.target)) return false;
    if (probability !== undefined && this.#random() >= probability) return false;
    this.applied += 1;
    return true;
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
  readonly #active = new Set<ActiveFault>();

  /** @internal Faults come from `emulator.faults`. */
  constructor(private readonly listener: Pick<Listener, 'isTls' | 'refuse' | 'resume'>) {}

  /** All rules that were not removed, used up or not. */
  get active(): readonly ActiveFault[] {
    return [...this.#active];
  }

  /** @throws TypeError naming each invalid field */
  add(rule: FaultRule): ActiveFault {
    this.#check(rule);
    const fault: ActiveFault = new ActiveFault(rule, () => this.#active.delete(fault));
    this.#active.add(fault);
    // There is no request to wait for where none can come.
    const { listen } = rulesOf(rule);
    if (listen !== undefined && fault.applies()) listen(this.listener, rule);
    return fault;
  }

  /**
   * Puts these in place of all that there are, or throws and changes nothing.
   * @throws TypeError naming each invalid field
   */
  replace(rules: readonly FaultRule[]): void {
    for (const [index, rule] of rules.entries()) {
      try {
        this.#check(rule);
      } catch (error) {
        throw new TypeError(`faults[${index}]: ${(error as Error).message}`, { cause: error });
      }
    }
    this.clear();
    for (const rule of rules) this.add(rule);
  }

  /** Removes all rules. Connections are accepted again. */
  clear(): void {
    this.#active.clear();
    this.listener.resume();
  }

  /** @internal The fault of a request, a new connection or a callback, if one applies to it. */
  for(kind: FaultTargetKind, one?: { readonly target: FaultTarget }): Fault | undefined {
    for (const fault of this.#active) {
      if (targetKindOf(rulesOf(fault.rule)) === kind && fault.applies(one)) return fault.rule;
    }
    return undefined;
  }

  /** @throws TypeError naming each field that can't be used */
  #check(given: unknown): asserts given is FaultRule {
    if (typeof given !== 'object' || given === null) throw new TypeError('A fault must be an object.');
    const { kind, ...fields } = given as Record<string, unknown>;
    if (typeof kind !== 'string' || !Object.hasOwn(FAULT_KINDS, kind)) {
      throw new TypeError(`kind: must be one of ${Object.keys(FAULT_KINDS).join(', ')}`);
    }
    const rules = rulesOf({ kind: kind as FaultKind });
    const table = { ...rules.fields, ...RULE_FIELDS, ...MATCHES[targetKindOf(rules)] };
    // From code, a function may say what matches.
    if (typeof fields['match'] === 'function') fields['match'] = {};
    checkedOptions(table, fields, kind);
    const wrong = rules.problem?.(given as Fault, this.listener.isTls);
    if (wrong !== undefined) throw new TypeError(`${kind}: ${wrong}`);
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

/** The fields of every rule. */
const RULE_FIELDS = {
  times: wholeNumber(1, Number.POSITIVE_INFINITY),
  probability: must('from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1),
  seed: wholeNumber(-Number.MAX_SAFE_INTEGER),
} satisfies OptionTable<Pick<FaultRule, 'times' | 'probability' | 'seed'>>;
/** What can be matched in what a fault applies to: nothing in a connection. */
const MATCHES: Readonly<Partial<Record<FaultTargetKind, object>>> = {
  request: { match: matchOf(isEmulatedAction) },
  callback: { match: matchOf(isCallbackAction) },
};

/** @param isAction whether it is the name of something that the fault can strike */
function matchOf(isAction: (name: unknown) => boolean): object {
  const anId = must<string>('a string', (id) => typeof id === 'string');
  const action = must('the name of an action that it can strike', isAction);
  return { options: { action, roomId: anId, userId: anId }, optional: true };
}
