import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import { MIN_JITTER_MS } from '../../lib/quota/jitter-estimate.js';
import { LocalQuota } from '../../lib/quota/local-quota.js';
import { paceFor } from '../../lib/quota/paced-rate.js';
import type { Quota, Reservation } from '../../lib/quota/quota.js';
import { type Lane, QuotaGate, type Ticket } from '../../lib/quota/quota-gate.js';
import { VirtualTime } from '../support/virtual-time.js';
import '../support/properties.js';

/** Slots are used so much before they are due, since timers are no more exact. */
const EARLY_MS = 0.5;
/** A slot is lost that comes up later than this. */
const LATE_MS = 5;
/** Times are sums of fractions. */
const ROUNDING_MS = 1e-6;
/** What the least jitter that is ever allowed for leaves to the way. */
const JITTER_MS = MIN_JITTER_MS - EARLY_MS;

/** A request that left, and the limit at that time. */
interface Departure {
  readonly at: number;
  readonly limit: number;
}

/**
 * The first second in which a server may have seen more than the largest limit that held in it, with requests
 * that are delayed on their way as unluckily as the jitter lets them: those that left within it and the jitter.
 */
function excessIn(departures: readonly Departure[]): string | undefined {
  for (let first = 0, end = 0; first < departures.length; first++) {
    const from = departures[first]!.at;
    while (end < departures.length && departures[end]!.at - from < 1_000 + JITTER_MS) end += 1;
    // A limit that holds for all of them is all that it takes, and mostly it is the first one's.
    if (end - first <= departures[first]!.limit) continue;
    const limit = Math.max(...departures.slice(first, end).map((departure) => departure.limit));
    if (end - first > limit) return `${end - first} of ${limit} from ${from} ms`;
  }
  return undefined;
}

/** Where the burst of a pace grows by one, it is largest for its rate: the cases to be careful about. */
const limit = fc.oneof(
  fc.constantFrom(1, 2, 83, 84, 124, 125, 166, 167, 208, 209),
  fc.integer({ min: 1, max: 300 }),
);

type Step =
  | { readonly kind: 'enter'; readonly lane: Lane; readonly count: number }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'stall'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly retryAfterMs: number }
  | { readonly kind: 'limit'; readonly limit: number }
  | { readonly kind: 'answers'; readonly spreadMs: number; readonly count: number };

const lane = fc.constantFrom<Lane>('single', 'bulk');
const enter = fc.record({
  kind: fc.constant('enter' as const),
  lane,
  count: fc.integer({ min: 1, max: 120 }),
});
const cancel = fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(1_000) });
const pass = fc.record({
  kind: fc.constant('pass' as const),
  ms: fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 900, max: 1_020 }),
    fc.double({ min: 0, max: 300, noNaN: true }),
  ),
});
const stall = fc.record({ kind: fc.constant('stall' as const), ms: fc.integer({ min: 1, max: 300 }) });
const throttle = fc.record({
  kind: fc.constant('throttle' as const),
  retryAfterMs: fc.constantFrom(0, 0, 50, 400, 1_500),
});
const newLimit = fc.record({ kind: fc.constant('limit' as const), limit });
const answers = fc.record({
  kind: fc.constant('answers' as const),
  spreadMs: fc.integer({ min: 0, max: 300 }),
  count: fc.integer({ min: 1, max: 60 }),
});
const steps = (...kinds: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 30 });

interface Place {
  readonly lane: Lane;
  readonly ticket: Ticket | undefined;
  grantedAt: number | undefined;
  cancelled: boolean;
}

/** A gate to which the steps happen, and all that can be seen of it. */
class Run {
  readonly time = new VirtualTime();
  readonly quota: LocalQuota;
  readonly gate: QuotaGate;
  readonly places: Place[] = [];
  /** Those who were granted a slot, in that order. */
  readonly granted: Place[] = [];
  readonly departures: Departure[] = [];
  /** From when to when nothing may leave. */
  readonly pauses: { readonly from: number; readonly until: number }[] = [];
  #limit: number;

  constructor(
    limit: number,
    maxQueue = Number.POSITIVE_INFINITY,
    /** Those who cancel never come, if they are still waiting then. */
    private readonly absent: ReadonlySet<number> = new Set(),
  ) {
    this.#limit = limit;
    this.quota = new LocalQuota(limit, () => this.time.now());
    this.gate = new QuotaGate(this.quota, maxQueue, this.time);
  }

  async play(steps: readonly Step[]): Promise<this> {
    for (const step of steps) await this.#do(step);
    return this;
  }

  async #do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'enter':
        for (let index = 0; index < step.count; index++) this.#enter(step.lane);
        break;
      case 'cancel': {
        const waiting = this.places.filter(
          ({ grantedAt, cancelled }) => grantedAt === undefined && !cancelled,
        );
        const place = waiting[step.which % Math.max(1, waiting.length)];
        place?.ticket?.cancel();
        if (place !== undefined) place.cancelled = true;
        break;
      }
      case 'pass':
        await this.time.pass(step.ms);
        break;
      case 'stall':
        this.time.ms += step.ms;
        await this.time.pass(0);
        break;
      case 'throttle':
        this.quota.throttled(step.retryAfterMs);
        this.pauses.push({ from: this.time.ms, until: this.time.ms + Math.max(100, step.retryAfterMs) });
        break;
      case 'limit':
        this.#limit = step.limit;
        this.quota.limit = step.limit;
        break;
      case 'answers':
        for (let index = 0; index < step.count; index++)
          this.gate.observeRoundTrip(20 + (index % 2) * step.spreadMs);
        break;
    }
    // Whoever was granted a slot has its turn.
    await new Promise(setImmediate);
  }

  #enter(lane: Lane): void {
    const name = this.places.length;
    if (this.absent.has(name)) {
      this.places.push({ lane, ticket: undefined, grantedAt: undefined, cancelled: true });
      return;
    }
    const place: Place = {
      lane,
      ticket: this.gate.enter(lane, Number.POSITIVE_INFINITY),
      grantedAt: undefined,
      cancelled: false,
    };
    this.places.push(place);
    if (place.ticket === undefined) this.#leave(place);
    else void place.ticket.granted.then(() => this.#leave(place));
  }

  #leave(place: Place): void {
    place.grantedAt = this.time.ms;
    this.granted.push(place);
    this.departures.push({ at: this.time.ms, limit: this.#limit });
  }
}

describe('whatever happens to a gate', () => {
  const anything = steps(enter, enter, cancel, pass, pass, stall, throttle, newLimit, answers);

  it('never lets more requests leave than the server may see in any second', async () => {
    await fc.assert(
      fc.asyncProperty(limit, anything, async (first, script) => {
        const { departures } = await new Run(first).play(script);
        expect(excessIn(departures)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('grants each lane in the order of coming, forgets no one, and holds up no one for ever', async () => {
    await fc.assert(
      fc.asyncProperty(limit, anything, async (first, script) => {
        const run = await new Run(first).play(script);
        // However long the queue, at the slowest pace that refusals can bring about.
        while (run.gate.queued > 0) {
          const waiting = run.gate.queued;
          await run.time.pass(40_000);
          expect(run.gate.queued).toBeLessThan(waiting);
        }
        for (const one of ['single', 'bulk'] as const) {
          const came = run.places.filter(({ lane, cancelled }) => lane === one && !cancelled);
          expect(run.granted.filter(({ lane }) => lane === one)).toEqual(came);
        }
        expect(run.places.filter(({ cancelled, grantedAt }) => cancelled && grantedAt !== undefined)).toEqual(
          [],
        );
        expect(run.gate.usage).toMatchObject({ queued: 0, queuedBulk: 0 });
      }),
      { numRuns: 100 },
    );
  });

  it('lets nothing leave while the service has asked to wait', async () => {
    await fc.assert(
      fc.asyncProperty(limit, anything, async (first, script) => {
        const { departures, pauses } = await new Run(first).play(script);
        const during = departures.filter(({ at }) =>
          pauses.some(({ from, until }) => at > from && at < until - EARLY_MS),
        );
        expect(during).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('never has more in the queue than may be, and says who is refused when to come again', async () => {
    await fc.assert(
      fc.asyncProperty(
        limit,
        fc.integer({ min: 1, max: 20 }),
        fc.array(
          fc.record({
            lane,
            withinMs: fc.integer({ min: 0, max: 2_000 }),
            passMs: fc.integer({ min: 0, max: 30 }),
          }),
          {
            maxLength: 60,
          },
        ),
        async (first, maxQueue, arrivals) => {
          const { time, gate } = new Run(first, maxQueue);
          for (const { lane, withinMs, passMs } of arrivals) {
            const { queued, queuedBulk, waitMs } = gate.usage;
            let ticket: Ticket | undefined;
            try {
              ticket = gate.enter(lane, withinMs);
            } catch (error) {
              expect(lane).toBe('single');
              expect(error).toBeInstanceOf(RtcQuotaError);
              const { retryAfterMs, outcome } = error as RtcQuotaError;
              expect([retryAfterMs, outcome]).toEqual([waitMs, 'not_attempted']);
              expect(queued >= maxQueue || waitMs > withinMs).toBe(true);
              // A refusal leaves the queue as it was.
              expect(gate.usage).toMatchObject({ queued, queuedBulk });
              continue;
            }
            if (ticket !== undefined && lane === 'single') {
              expect(queued).toBeLessThan(maxQueue);
              expect(waitMs).toBeLessThanOrEqual(withinMs);
            }
            await time.pass(passMs);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('spends no slot on those who give up: the others leave as if those had never come', async () => {
    const peaceful = steps(enter, cancel, cancel, cancel, pass);
    await fc.assert(
      fc.asyncProperty(limit, peaceful, async (first, script) => {
        const cancelling = await new Run(first).play([...script, { kind: 'pass', ms: 30_000 }]);
        const absent = new Set(cancelling.places.flatMap(({ cancelled }, name) => (cancelled ? [name] : [])));
        const without = script.filter(({ kind }) => kind !== 'cancel');
        const quiet = await new Run(first, undefined, absent).play([
          ...without,
          { kind: 'pass', ms: 30_000 },
        ]);
        const times = (run: Run): number[] => run.departures.map(({ at }) => at);
        expect(times(cancelling).length).toBe(times(quiet).length);
        times(cancelling).forEach((at, index) => expect(Math.abs(at - times(quiet)[index]!)).toBeLessThan(1));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a pace', () => {
  it('is the fastest whose burst and slots fit into a second and the jitter', () => {
    for (let limit = 1; limit <= 5_000; limit++) {
      for (const jitterMs of [0, 10, 33.3, 500]) {
        const { burst, intervalMs } = paceFor(limit, jitterMs);
        const slots = (interval: number): number => burst + Math.floor((1_000 + jitterMs) / interval);
        expect(slots(intervalMs)).toBeLessThanOrEqual(limit);
        expect(slots(intervalMs * (1 - 1e-6))).toBeGreaterThan(limit);
      }
    }
  });
});

describe('a change of the pace', () => {
  /** Takes every slot that there is until then. */
  function takeUntil(end: number, clock: { ms: number }, quota: LocalQuota, limit: number): Departure[] {
    const departures: Departure[] = [];
    while (clock.ms < end) {
      const { slots, delayMs } = quota.reserve();
      if (slots > 0) departures.push({ at: clock.ms, limit });
      clock.ms += Math.min(delayMs, end - clock.ms);
    }
    return departures;
  }

  /** The worst time is when a second after a burst is nearly over. */
  const TIMES = Array.from({ length: 60 }, (_none, index) => 960 + index);

  it.each([
    [100, 84],
    [167, 125],
    [500, 459],
    [500, 84],
    [84, 100],
    [300, 500],
  ])('from a limit of %i to one of %i gives nothing away, whenever it comes', (before, after) => {
    for (const changeAt of TIMES) {
      const clock = { ms: 0 };
      const quota = new LocalQuota(before, () => clock.ms);
      const departures = takeUntil(changeAt, clock, quota, before);
      quota.limit = after;
      departures.push(...takeUntil(1_100, clock, quota, after));
      expect(excessIn(departures)).toBeUndefined();
    }
  });

  it.each([40, 100, 1_000])('for a jitter of %i ms gives nothing away, whenever it comes', (spreadMs) => {
    for (const changeAt of TIMES) {
      const clock = { ms: 0 };
      const quota = new LocalQuota(500, () => clock.ms);
      const departures = takeUntil(changeAt, clock, quota, 500);
      for (let index = 0; index < 25; index++) quota.observeRoundTrip(20 + (index % 2) * spreadMs);
      departures.push(...takeUntil(1_100, clock, quota, 500));
      expect(excessIn(departures)).toBeUndefined();
    }
  });
});

describe('slots that are taken ahead', () => {
  it('are used in their time or not at all, in the order of coming, and never twice', async () => {
    const reservation = fc.record({
      delayMs: fc.integer({ min: -5, max: 60 }),
      intervalMs: fc.integer({ min: 1, max: 20 }),
      fewer: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(reservation, { minLength: 1, maxLength: 20 }),
        steps(enter, cancel, pass, stall),
        async (reservations, script) => {
          const time = new VirtualTime();
          const slots: { due: number; used: boolean }[] = [];
          let asked = 0;
          const quota: Quota = {
            batchSize: 7,
            intervalMs: 10,
            heldMs: 0,
            reserve: (wanted): Promise<Reservation> => {
              const { delayMs, intervalMs, fewer } = reservations[asked++ % reservations.length]!;
              const count = Math.max(asked % 2, wanted - fewer);
              for (let index = 0; index < count; index++)
                slots.push({ due: time.ms + delayMs + index * intervalMs, used: false });
              return Promise.resolve({ slots: count, delayMs, intervalMs });
            },
            observeRoundTrip: () => undefined,
            throttled: () => undefined,
          };
          const gate = new QuotaGate(quota, Number.POSITIVE_INFINITY, time);
          const waiting: { name: number; lane: Lane; ticket: Ticket }[] = [];
          const granted: Record<Lane, number[]> = { single: [], bulk: [] };
          let names = 0;
          const untimely: number[] = [];
          // Not too early, nor so late that it would come in a bunch with those after it.
          const use = (name: number, at: number): number => {
            const slot = slots.find(
              ({ due, used }) =>
                !used && due - at <= EARLY_MS + ROUNDING_MS && at - due <= LATE_MS + ROUNDING_MS,
            );
            if (slot === undefined) untimely.push(name);
            else slot.used = true;
            return name;
          };
          const enterOne = (lane: Lane): void => {
            const place = { name: names++, lane, ticket: gate.enter(lane, Number.POSITIVE_INFINITY)! };
            waiting.push(place);
            void place.ticket.granted.then(() => granted[lane].push(use(place.name, time.ms)));
            void place.ticket.granted.then(() => waiting.splice(waiting.indexOf(place), 1));
          };
          for (const step of [...script, { kind: 'pass', ms: 60_000 } as const]) {
            if (step.kind === 'pass') await time.pass(step.ms);
            else if (step.kind === 'stall') {
              time.ms += step.ms;
              await time.pass(0);
            } else if (step.kind === 'cancel') {
              const [gone] = waiting.splice(step.which % Math.max(1, waiting.length), 1);
              gone?.ticket.cancel();
            } else if (step.kind === 'enter') {
              for (let index = 0; index < step.count; index++) enterOne(step.lane);
            }
            await new Promise(setImmediate);
          }
          expect(untimely).toEqual([]);
          expect(gate.queued).toBe(0);
          expect(waiting).toEqual([]);
          for (const order of Object.values(granted)) expect(order).toEqual([...order].sort((a, b) => a - b));
        },
      ),
      { numRuns: 60 },
    );
  });
});
