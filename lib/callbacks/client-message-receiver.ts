import { isUint8Array } from 'node:util/types';
import { base64ByteLength } from '../dto/field-rules.js';
import type { LimitedLog } from '../diagnostics/limited-log.js';
import { readProperties } from '../options/read-properties.js';
import { type Answer, Refusal } from './answer.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer, RtcClientAnswer, RtcClientMessage } from './client-message.js';
import { decodeClientSignature } from './client-signature.js';
import type { Handler } from './find-handlers.js';
import { describeFailure } from './describe-failure.js';
import { RateByUser } from './rate-by-user.js';

/** Of a message and of its answer. Source: Volcengine documentation 6348/142432. */
const MAX_BYTES = 65_536;

/** Takes clients' messages, and has the app answer them. */
export class ClientMessageReceiver {
  /** The app's handler, once it was found. */
  handler: Handler | undefined;
  /** What takes messages before the handler. */
  consumers: readonly ClientMessageConsumer[] = [];

  readonly #rate: RateByUser;

  constructor(
    private readonly settings: CallbackSettings,
    private readonly log: LimitedLog,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#rate = new RateByUser(settings.clientMessages.maxPerSecond);
  }

  /** @throws Refusal */
  async receive(body: unknown): Promise<Answer> {
    const message = this.#read(body);
    try {
      return toAnswer(await this.#answer(message));
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const status = statusOf(error);
      if (status !== undefined) return { status };
      this.log.write(
        'error',
        'client messages fail',
        `A client's message was not handled: ${describeFailure(error)}`,
      );
      return { status: 500 };
    }
  }

  #read(body: unknown): RtcClientMessage {
    if (typeof body !== 'object' || body === null) throw new Refusal(400, 'it is not a JSON object');
    const { message, binary = false, signature } = readProperties(body, []) ?? {};
    if (typeof message !== 'string' || typeof binary !== 'boolean' || typeof signature !== 'string') {
      throw new Refusal(400, 'message, binary or signature is missing or of the wrong type');
    }
    const { appId, clientMessages } = this.settings;
    const claims = decodeClientSignature(signature, appId, clientMessages.secrets?.open() ?? [], Date.now());
    if (typeof claims === 'string') throw new Refusal(401, `its signature ${claims}`);
    const { expiresAt: _expiresAt, ...from } = claims;
    if (!this.#rate.take(from.userId, this.now())) {
      throw new Refusal(429, `a user sends more than ${clientMessages.maxPerSecond} messages a second`);
    }
    if (binary && base64ByteLength(message) === undefined) throw new Refusal(400, 'message is not base64');
    const content = binary ? new Uint8Array(Buffer.from(message, 'base64')) : message;
    if (byteLength(content) > MAX_BYTES) throw new Refusal(413, `message has more than ${MAX_BYTES} bytes`);
    return { ...from, message: content };
  }

  async #answer(message: RtcClientMessage): Promise<unknown> {
    for (const consumer of this.consumers) {
      const answer: RtcClientAnswer = await consumer(message);
      if (answer !== undefined) return answer;
    }
    if (this.handler === undefined) throw new Refusal(404, 'no method of the app has @OnClientMessage()');
    return await this.handler.run(message);
  }
}

function toAnswer(body: unknown): Answer {
  if (body === undefined || body === null) return { status: 200, body: '' };
  if (typeof body !== 'string' && !isUint8Array(body)) {
    throw new TypeError('The handler returned neither text nor bytes');
  }
  if (byteLength(body) > MAX_BYTES) throw new RangeError(`The handler returned more than ${MAX_BYTES} bytes`);
  return { status: 200, body };
}

function byteLength(content: string | Uint8Array): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
}

/** Of an HttpException by which a guard, a pipe or the handler refuses the message. Another copy of Nest may throw it. */
function statusOf(error: unknown): number | undefined {
  const { getStatus } = (error ?? {}) as { getStatus?: unknown };
  const status: unknown = typeof getStatus === 'function' ? getStatus.call(error) : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
