import { isUint8Array } from 'node:util/types';
import { base64ByteLength } from '../dto/field-rules.js';
import { waitFor } from '../waiting/time-box.js';
import { type Answer, type Fields, Refusal } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer, RtcClientMessage } from './client-message.js';
import { readClientSignature } from './client-signature.service.js';
import type { Handler } from './find-handlers.js';
import { CLIENT_MESSAGE } from './handler-decorators.js';
import { RateByUser } from './rate-by-user.js';

/** Of a message and of its answer. Source: Volcengine documentation 6348/142432. */
const MAX_BYTES = 65_536;
/** How long an answer is waited for, in milliseconds. The service waits five seconds for an event's. */
const ANSWER_LIMIT_MS = 8_000;

/** Takes clients' messages, and has the app answer them. */
export class ClientMessageReceiver {
  readonly #rate: RateByUser;

  /**
   * @param handlers the app's; they may be added later
   * @param consumers what takes messages before the app's handler; they may be added later
   */
  constructor(
    private readonly settings: CallbackSettings,
    private readonly handlers: readonly Handler[],
    private readonly consumers: readonly ClientMessageConsumer[],
  ) {
    this.#rate = new RateByUser(settings.clientMessages?.maxPerSecond ?? 0);
  }

  /** @throws Refusal, and whatever the app throws */
  async receive(fields: Fields): Promise<Answer> {
    const answer = (await waitFor(this.#answerTo(this.#read(fields)), ANSWER_LIMIT_MS)) ?? '';
    const isText = typeof answer === 'string' && answer.isWellFormed();
    if (!isText && !isUint8Array(answer)) throw new TypeError('Neither text nor bytes');
    if (Buffer.byteLength(answer) > MAX_BYTES) throw new RangeError('Too long');
    return { status: 200, body: answer };
  }

  #read({ message, binary = false, signature }: Fields): RtcClientMessage {
    if (typeof message !== 'string' || typeof binary !== 'boolean') {
      throw new Refusal(400, 'message or binary is missing or of the wrong type');
    }
    const claims = readClientSignature(signature, this.settings);
    if (typeof claims === 'string') throw new Refusal(401, `its signature ${claims}`);
    const { expiresAt: _, ...from } = claims;
    if (!this.#rate.take(from.userId, performance.now())) {
      throw new Refusal(429, 'its user sends too many (clientMessages.maxPerSecond)');
    }
    if (binary && base64ByteLength(message) === undefined) throw new Refusal(400, 'message is no base64');
    const content = binary ? new Uint8Array(Buffer.from(message, 'base64')) : message;
    if (Buffer.byteLength(content) > MAX_BYTES) throw new Refusal(413, `message is over ${MAX_BYTES} bytes`);
    return { ...from, message: content };
  }

  async #answerTo(message: RtcClientMessage): Promise<unknown> {
    for (const consumer of this.consumers) {
      const answer = await consumer(message);
      if (answer !== undefined) return answer;
    }
    const handler = this.handlers.find(({ types }) => types.includes(CLIENT_MESSAGE));
    if (handler !== undefined) return await handler.run(message);
    throw new Refusal(404, 'no method has @OnClientMessage()');
  }
}
