import { isUint8Array } from 'node:util/types';
import { base64ByteLength } from '../dto/field-rules.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import { type Answer, type Fields, Refusal } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer, RtcClientMessage } from './client-message.js';
import { readClientSignature } from './client-signature.service.js';
import type { Handler } from './find-handlers.js';
import { CLIENT_MESSAGE } from './handler-decorators.js';

/** Of a message and of its answer. Source: Volcengine documentation 6348/142432. */
const MAX_BYTES = 65_536;
/** How long an answer is waited for, in milliseconds. The service waits five seconds for an event's. */
const ANSWER_LIMIT_MS = 8_000;

/** Takes clients' messages, and has the app answer them. */
export class ClientMessageReceiver {
  /** When messages of each user were taken in the last second. Who sent last stands last. */
  readonly #taken = new Map<string, number[]>();

  /**
   * @param handlers the app's; they may be added later
   * @param consumers what takes messages before the app's handler; they may be added later
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly settings: CallbackSettings,
    private readonly handlers: readonly Handler[],
    private readonly consumers: readonly ClientMessageConsumer[],
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws Refusal */
  async receive(fields: Fields): Promise<Answer> {
    const message = this.#read(fields);
    const answer = await waitFor(this.#answerTo(message), ANSWER_LIMIT_MS).catch((error: unknown) => {
      throw new Refusal(500, describeThrown(error));
    });
    if (answer === undefined) throw new Refusal(404, 'no method has @OnClientMessage()');
    const isText = typeof answer === 'string' && answer.isWellFormed();
    if (!isText && !isUint8Array(answer)) throw new Refusal(500, 'its answer is neither text nor bytes');
    if (Buffer.byteLength(answer) > MAX_BYTES)
      throw new Refusal(500, `its answer is over ${MAX_BYTES} bytes`);
    return { status: 200, body: answer };
  }

  #read({ message, binary = false, signature }: Fields): RtcClientMessage {
    if (typeof message !== 'string' || typeof binary !== 'boolean') {
      throw new Refusal(400, 'message or binary is missing or of the wrong type');
    }
    const claims = readClientSignature(signature, this.settings);
    if (typeof claims === 'string') throw new Refusal(401, `its signature ${claims}`);
    const { expiresAt: _, ...from } = claims;
    this.#checkRate(from.userId);
    if (binary && base64ByteLength(message) === undefined) throw new Refusal(400, 'message is no base64');
    const content = binary ? new Uint8Array(Buffer.from(message, 'base64')) : message;
    if (Buffer.byteLength(content) > MAX_BYTES) throw new Refusal(413, `message is over ${MAX_BYTES} bytes`);
    return { ...from, message: content };
  }

  #checkRate(userId: string): void {
    const now = this.now();
    const isOver = (at = -Infinity): boolean => now - at >= 1_000;
    for (const [user, times] of this.#taken) {
      if (!isOver(times.at(-1))) break;
      this.#taken.delete(user);
    }
    const times = this.#taken.get(userId) ?? [];
    while (times.length > 0 && isOver(times[0])) times.shift();
    const { maxPerSecond = 0 } = this.settings.clientMessages ?? {};
    if (times.length >= maxPerSecond)
      throw new Refusal(429, 'its user sends too many (clientMessages.maxPerSecond)');
    times.push(now);
    this.#taken.delete(userId);
    this.#taken.set(userId, times);
  }

  /** @returns undefined if there is no handler */
  async #answerTo(message: RtcClientMessage): Promise<unknown> {
    for (const consumer of this.consumers) {
      const answer = await consumer(message);
      if (answer !== undefined) return answer;
    }
    const handler = this.handlers.find(({ types }) => types.includes(CLIENT_MESSAGE));
    return handler && ((await handler.run(message)) ?? '');
  }
}
