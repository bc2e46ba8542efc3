import type { Priority } from '../../lib/quota/permit-pool.js';
import type { Place, RateLimiter, RequestPermit } from '../../lib/quota/rate-limiter.js';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import type { SimulatedService, SimulatedTime } from './simulated-service.js';

/** How requests are sent. */
export interface Sending {
  readonly timeoutMs: number;
  /** How many requests the agent has under way; more wait in it, with their permits. */
  readonly sockets: number;
  /** How many of a bulk are waiting or under way at any time. */
  readonly concurrency: number;
  readonly priority?: Priority;
  readonly recipients?: number;
  readonly cost?: (recipients: number) => number;
  /** Share of requests that are aborted some time after they were let go. */
  readonly abortShare?: number;
  /** How long after that at least, in milliseconds. */
  readonly abortAfterMs?: number;
}

/** Sends with a limiter as `SendCall` and a fan-out do, over an agent with so many sockets. */
export class SimulatedSender {
  accepted = 0;
  acceptedRecipients: { at: number; recipients: number }[] = [];
  throttled = 0;
  waits: number[] = [];
  #open = 0;
  readonly #agentQueue: (() => void)[] = [];

  constructor(
    private readonly time: SimulatedTime,
    private readonly service: SimulatedService,
    private readonly limiter: RateLimiter,
    private readonly random: () => number,
    private readonly sending: Sending,
  ) {}

  /** Keeps so many busy for ever, or until there are no recipients left. */
  start(recipients = Number.POSITIVE_INFINITY): void {
    let left = recipients;
    const next = (): void => {
      if (left <= 0) return;
      const chunk = Math.min(left, this.sending.recipients ?? 1);
      left -= chunk;
      this.#deliver([chunk], next);
    };
    for (let worker = 0; worker < this.sending.concurrency; worker++) next();
  }

  /** One single send. */
  sendOne(): void {
    this.#send(1, () => undefined, 'single');
  }

  #deliver(parts: number[], done: () => void): void {
    const part = parts.pop();
    if (part === undefined) {
      done();
      return;
    }
    const size = this.limiter.chunkSize;
    if (part > size) {
      this.#deliver([...parts, part - size, size], done);
      return;
    }
    this.#send(part, (isDone) => this.#deliver(isDone ? parts : [...parts, part], done));
  }

  #send(
    recipients: number,
    done: (isDone: boolean) => void,
    priority = this.sending.priority ?? 'bulk',
  ): void {
    const { cost = () => 1 } = this.sending;
    const asked = this.time.now();
    const permits = cost(recipients);
    const go = (permit: RequestPermit): void => {
      if (priority === 'single') this.waits.push(this.time.now() - asked);
      this.#letGo(permit, recipients, permits, done);
    };
    let place: RequestPermit | Place;
    try {
      place = this.limiter.enter({ priority, permits, recipients, withinMs: Number.POSITIVE_INFINITY });
    } catch (error) {
      if (!(error instanceof RtcQuotaError)) throw error;
      this.time.after(0, () => done(false));
      return;
    }
    if (!('granted' in place)) {
      go(place);
      return;
    }
    const again = (): void => void this.time.after(0, () => done(false));
    void place.granted.then(go, again);
  }

  #letGo(permit: RequestPermit, recipients: number, cost: number, done: (isDone: boolean) => void): void {
    let isOver = false;
    let hasLeft = false;
    const { abortShare = 0, abortAfterMs = 0, timeoutMs, sockets } = this.sending;
    const end = (isDone: boolean, giveBack: () => void): void => {
      if (isOver) return;
      isOver = true;
      cancelTimeout();
      if (hasLeft) {
        this.#open -= 1;
        this.#agentQueue.shift()?.();
      }
      giveBack();
      // A caller's work between two sends takes some time, and nothing is done in the same turn for ever.
      this.time.after(0, () => done(isDone));
    };
    const giveUp = (): void => end(true, () => permit.giveBack(hasLeft ? 'unanswered' : 'unused'));
    const isAborted = this.random() < abortShare;
    const limitMs = isAborted ? abortAfterMs + this.random() * (timeoutMs - abortAfterMs) : timeoutMs;
    const cancelTimeout = this.time.after(limitMs, giveUp);
    const leave = (): void => {
      if (isOver) {
        this.#agentQueue.shift()?.();
        return;
      }
      this.#open += 1;
      hasLeft = true;
      this.service.send(cost, recipients, (verdict) => {
        // The answer is read when the process gets to it.
        this.time.after(0, () => {
          if (isOver) return;
          if (verdict === 'accepted') {
            this.accepted += 1;
            this.acceptedRecipients.push({ at: this.time.now(), recipients });
            end(true, () => permit.giveBack('accepted'));
          } else {
            this.throttled += 1;
            end(false, () => permit.giveBack({ throttledMs: 0 }));
          }
        });
      });
    };
    if (this.#open < sockets) leave();
    else this.#agentQueue.push(leave);
  }
}
