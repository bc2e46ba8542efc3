import { isUint8Array } from 'node:util/types';
import { base64ByteLength } from '../dto/field-rules.js';
import { describeThrown } from '../errors/thrown.js';
import type { Receipts } from '../receipts/receipt.service.js';
import { waitFor } from '../waiting/time-box.js';
import { type Fields, refuse } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import { readClientSignature } from './client-signature.service.js';
import type { Handler } from './find-handlers.js';
import { CLIENT_MESSAGE } from './handler-decorators.js';

/** A message of a client whose signature was right, as the handler gets it. */
export interface RtcClientMessage {
  /** Whom the signature was issued to. */
  readonly userId: string;
  /** The room that the signature was issued for, if any. It does not prove that the user is there. */
  readonly issuedForRoom?: string;
  /** Text, or the bytes of a binary message. */
  readonly message: string | Uint8Array;
}

/** What a client is answered: text or bytes, at most 64 KB. Undefined: an empty text. */
export type RtcClientAnswer = string | Uint8Array | undefined;

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
   * @param receipts take those of clients' messages that are for them
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly settings: CallbackSettings,
    private readonly handlers: readonly Handler[],
    private readonly receipts?: Pick<Receipts, 'take'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws HttpException */
  async receive({ message, binary = false, signature }: Fields): Promise<string | Uint8Array> {
    if (typeof message !== 'string' || typeof binary !== 'boolean')
      refuse(400, 'message or binary is missing or of the wrong type');
    const claims = readClientSignature(signature, this.settings);
    if (typeof claims === 'string') refuse(401, `its signature ${claims}`);
    const { expiresAt: _, ...from } = claims;
    this.#checkRate(from.userId);
    if (binary && base64ByteLength(message) === undefined) refuse(400, 'message is no base64');
    const content = binary ? new Uint8Array(Buffer.from(message, 'base64')) : message;
    if (Buffer.byteLength(content) > MAX_BYTES) refuse(413, `message is over ${MAX_BYTES} bytes`);

    const answered = waitFor(this.#answerTo({ ...from, message: content }), ANSWER_LIMIT_MS);
    const body = await answered.catch((error: unknown) => refuse(500, describeThrown(error)));
    if (body === undefined) refuse(404, 'no method has @OnClientMessage()');
    if (typeof body !== 'string' && !isUint8Array(body)) refuse(500, 'its answer is neither text nor bytes');
    if (Buffer.byteLength(body) > MAX_BYTES) refuse(500, `its answer is over ${MAX_BYTES} bytes`);
    return body;
  }

  #checkRate(userId: string): void {
    const now = this.now();
    const isRecent = (at = -Infinity): boolean => now - at < 1_000;
    for (const [user, times] of this.#taken) {
      if (isRecent(times.at(-1))) break;
      this.#taken.delete(user);
    }
    const times = this.#taken.get(userId) ?? [];
    while (times.length > 0 && !isRecent(times[0])) times.shift();
    const { maxPerSecond = 0 } = this.settings.clientMessages ?? {};
    if (times.length >= maxPerSecond) refuse(429, 'its user sends too many (clientMessages.maxPerSecond)');
    times.push(now);
    this.#taken.delete(userId);
    this.#taken.set(userId, times);
  }

  /** @returns undefined if there is no handler */
  async #answerTo(message: RtcClientMessage): Promise<unknown> {
    if (await this.receipts?.take(message.userId, String(message.message))) return '';
    const handler = this.handlers.find(({ types }) => types.includes(CLIENT_MESSAGE));
    return handler && ((await handler.run(message)) ?? '');
  }
}
