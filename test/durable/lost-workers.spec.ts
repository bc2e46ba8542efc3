import { describe, expect, it } from '@jest/globals';
import { RtcAbortedError, RtcApiError, RtcNetworkError } from 'nestjs-rtc-messaging';
import { completionOf } from '../../lib/bullmq/chunk-completion.js';
import { FanOutHandle } from '../../lib/bullmq/fan-out-handle.js';
import { ReadAhead } from '../../lib/bullmq/read-ahead.js';
import { ChunkSender, type SendRequest } from '../../lib/fan-out/chunk-sender.js';
import type { FanOutStop } from '../../lib/fan-out/fan-out-report.js';
import { FanOutTally } from '../../lib/fan-out/fan-out-tally.js';
import { RecipientChunks } from '../../lib/fan-out/recipient-chunks.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { ownPrefix } from '../support/fan-out-queue.js';
import { FAN_OUT_PLAN, ledgerOf } from '../support/ledger.js';
import { redisForSuite } from '../support/redis.js';

/** Two chunks of three. The second one keeps the fan-out from its end. */
const USERS = ['a', 'b', 'c', 'd', 'e', 'f'];

const redis = redisForSuite();

/** The last one: the message was accepted, and the answer was lost. */
const ANSWERS = ['accepted', 'refused for one', 'throttled', 'accepted without an answer'] as const;
type Answer = (typeof ANSWERS)[number];
type Policy = 'report' | 'resend';

/** A fan-out, and a service that gives these answers, and then accepts. */
class Site {
  readonly ledger = ledgerOf(redis.client, `{${ownPrefix()}}`);
  /** Who was sent how many requests that the service did not refuse. */
  readonly sent = new Map<string, number>();
  readonly accepted = new Set<string>();
  #runs = 0;

  constructor(
    readonly onUnknown: Policy,
    readonly answers: Answer[],
  ) {}

  async store(): Promise<void> {
    await this.ledger.open('f', 'producer', { ...FAN_OUT_PLAN, onUnknown: this.onUnknown });
    const source = new ReadAhead(new RecipientChunks(USERS, 3, 'chunk'), 0);
    for (let isEnd = false; !isEnd;) {
      const batch = await source.next(3);
      await this.ledger.store('f', 'producer', batch);
      ({ isEnd } = batch);
    }
  }

  /** Gives a chunk's job to a worker, as the queue does when it takes the last one for lost. */
  begin(index: number): SteppedWorker {
    this.#runs += 1;
    return new SteppedWorker(this, index, `1000.${this.#runs}.x`);
  }
}

/** A worker that stands still before and after each step of the ledger, and after each request. */
class SteppedWorker {
  #go: () => void = () => undefined;
  #hasStopped: () => void = () => undefined;
  isDone = false;

  constructor(
    private readonly site: Site,
    private readonly index: number,
    private readonly token: string,
  ) {
    void this.#run().finally(() => {
      this.isDone = true;
      this.#hasStopped();
    });
  }

  async goOn(): Promise<void> {
    const stopped = new Promise<void>((resolve) => (this.#hasStopped = resolve));
    this.#go();
    await stopped;
  }

  async finish(): Promise<void> {
    while (!this.isDone) await this.goOn();
  }

  #standStill(): Promise<void> {
    return new Promise((resolve) => {
      this.#go = resolve;
      this.#hasStopped();
    });
  }

  /** Each step is done again, as by a client that reconnects. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    await this.#standStill();
    await work();
    await this.#standStill();
    return work();
  }

  async #run(): Promise<void> {
    const { index, token } = this;
    const { ledger } = this.site;
    const { chunk } = await this.#step(() => ledger.claim('f', index, token));
    if (chunk === undefined) return;
    const tally = new FanOutTally(chunk.possibleDuplicate, true);
    const sender = new ChunkSender(this.#send, { chunkSize: Number.POSITIVE_INFINITY }, 600, 60_000);
    let stop: FanOutStop | undefined;
    const parts = sender.sendChunk({ index, recipients: chunk.recipients }, tally, {
      stop: new Cancellation(),
      fanOut: { module: '', id: 'f', startedAt: '' },
      beforeSend: (part) => this.#step(() => ledger.start('f', index, token, part)),
    });
    for await (const part of parts) ({ stop } = part);
    const completion = completionOf(tally, stop, chunk.possibleDuplicate);
    await this.#step(() => ledger.complete('f', index, token, completion));
  }

  readonly #send: SendRequest = async (recipients, { beforeSend }) => {
    const { sent, accepted, answers, onUnknown } = this.site;
    for (let isUnknown = false; ; isUnknown = true) {
      if (!(await beforeSend?.()))
        throw new RtcAbortedError('', { outcome: isUnknown ? 'unknown' : 'not_attempted' });
      const given = answers.shift() ?? 'accepted';
      // No refusal disproves an earlier acceptance.
      const answer = isUnknown && given !== 'accepted' ? 'accepted without an answer' : given;
      const [refused, apiCode] =
        answer === 'refused for one'
          ? [true, 'InvalidParameter.IllegalTo']
          : [answer === 'throttled', 'FlowLimitExceeded'];
      for (const user of refused ? [] : recipients) {
        sent.set(user, (sent.get(user) ?? 0) + 1);
        accepted.add(user);
      }
      await this.#standStill();
      if (answer === 'accepted') return { requestId: 'r', attempts: [], possibleDuplicate: isUnknown };
      if (refused) {
        const attempt = { outcome: 'rejected', phase: 'done', startedAt: '', durationMs: 1 } as const;
        const attempts = answer === 'throttled' ? [{ ...attempt, throttled: true as const }] : [attempt];
        throw new RtcApiError('', { outcome: 'rejected', httpStatus: 400, apiCode, attempts });
      }
      if (onUnknown === 'report') throw new RtcNetworkError('', { outcome: 'unknown', phase: 'sent' });
    }
  };
}

/**
 * A worker loses its job at a step, another one has it to its end, and then the first one wakes up.
 * @returns undefined if the worker has fewer steps
 */
async function loseAt(
  step: number,
  onUnknown: Policy,
  answers: readonly Answer[],
): Promise<Site | undefined> {
  const site = new Site(onUnknown, [...answers]);
  await site.store();
  const lost = site.begin(0);
  for (let at = 0; at < step; at++) {
    await lost.goOn();
    if (lost.isDone) return undefined;
  }
  await site.begin(0).finish();
  await lost.finish();
  // The first chunk may be pending again.
  for (const index of [0, 1]) await site.begin(index).finish();
  return site;
}

const THREE = ANSWERS.flatMap((one) =>
  ANSWERS.flatMap((two) => ANSWERS.map((three) => [one, two, three] as const)),
);

describe.each<Policy>(['report', 'resend'])('with onUnknown: %p, a chunk whose requests are', (onUnknown) => {
  it.each(THREE)(
    '%s, %s and %s is told as it is, at whichever step its worker is lost',
    async (...answers) => {
      for (let step = 0; ; step++) {
        const site = await loseAt(step, onUnknown, answers);
        if (site === undefined) return;
        const { ledger, sent, accepted } = site;
        const outcomes: [user: string, outcome: string][] = [];
        for await (const { userId, outcome } of new FanOutHandle('f', ledger, null as never).unaccepted())
          outcomes.push([userId, outcome]);
        const outcomeOf = new Map(outcomes);
        const listed = (of: string): number => outcomes.filter(([, outcome]) => outcome === of).length;
        expect({ step, ...(await ledger.look('f')) }).toMatchObject({
          step,
          state: 'ended',
          inFlight: 0,
          counts: {
            accepted: USERS.length - outcomeOf.size,
            rejected: listed('rejected'),
            unknown: listed('unknown'),
            notAttempted: 0,
          },
        });
        for (const user of USERS) {
          const outcome = outcomeOf.get(user) ?? 'accepted';
          const told = outcome === 'unknown' || (outcome === 'accepted') === accepted.has(user);
          const times = sent.get(user) ?? 0;
          expect({ step, user, told, twice: times > 1 && onUnknown === 'report' }).toEqual({
            step,
            user,
            told: true,
            twice: false,
          });
        }
      }
    },
  );
});
