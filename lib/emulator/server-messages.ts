import { readCallbackUrl } from './callback-url.js';
import type { Callback, ServerMessageMethod } from './callback.js';
import type { PostEnd } from './post.js';
import { QuotaWindow } from './quota-window.js';

/** What became of a message to the business server, by the native client SDKs' names (`UserMessageSendResult`). */
export type ServerMessageError =
  | 'Success'
  /** More than 20 in a second. */
  | 'ExceedQPS'
  /** More than 64 KB. */
  | 'ExceedMaxLength'
  /** The user has left. */
  | 'NotLogin'
  /** There was no `setServerParams()`. */
  | 'ServerParamsNotSet'
  /** The business server was not reached. */
  | 'E2BSSendFailed'
  /** It was reached, and no good answer of at most 64 KB came back within five seconds. */
  | 'E2BSReturnFailed';

/** What `onServerMessageSendResult(msgid, error, message)` tells a client. */
export interface ServerMessageResult<Message extends string | Uint8Array = string | Uint8Array> {
  /** The number of the message: a client's first one is 1. */
  readonly msgid: number;
  /** `Success`, or why there is no answer. */
  readonly error: ServerMessageError;
  /** The business server's answer: text to a text, bytes to bytes. Empty without one. */
  readonly message: Message;
}

/** Posts a message on behalf of a user. */
type PostMessage = (message: Omit<Callback, 'roomId' | 'userId'>) => Promise<PostEnd | undefined>;

const MAX_BYTES = 65_536;
const MESSAGES_PER_SECOND = 20;
const MAX_SIGNATURE_LENGTH = 4_096;
const NO_ANSWER = Buffer.alloc(0);

/** A client's way to the business server: where it leads, and how much may go. */
export class ServerMessages {
  readonly #window = new QuotaWindow(MESSAGES_PER_SECOND, 'sliding');
  #params: { readonly signature: string; readonly url: URL } | undefined;
  #last = 0;
  #isClosed = false;

  constructor(private readonly post: PostMessage) {}

  /** @throws TypeError for what can't be used */
  setParams(signature: string, url: string): void {
    if (typeof signature !== 'string' || signature.length > MAX_SIGNATURE_LENGTH) {
      throw new TypeError(`signature: must be a string of at most ${MAX_SIGNATURE_LENGTH} characters`);
    }
    this.#params = { signature, url: readCallbackUrl(url) };
  }

  /** Whether the user has left. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends nothing from then on. */
  close(): void {
    this.#isClosed = true;
  }

  /** @param bytes of the message, before they are encoded */
  async send(
    action: ServerMessageMethod,
    message: string,
    bytes: number,
  ): Promise<{ readonly msgid: number; readonly error: ServerMessageError; readonly answer: Buffer }> {
    const msgid = this.#isClosed ? 0 : ++this.#last;
    const failed = (error: ServerMessageError) => ({ msgid, error, answer: NO_ANSWER });
    if (this.#isClosed) return failed('NotLogin');
    if (this.#params === undefined) return failed('ServerParamsNotSet');
    if (bytes > MAX_BYTES) return failed('ExceedMaxLength');
    if (!this.#window.admit()) return failed('ExceedQPS');
    const { url, signature } = this.#params;
    const end = await this.post({
      action,
      url,
      body: { message, binary: action === 'sendServerBinaryMessage', signature },
    });
    if (end?.httpStatus === 200 && end.answer !== undefined)
      return { msgid, error: 'Success', answer: end.answer };
    return failed(end?.sent ? 'E2BSReturnFailed' : 'E2BSSendFailed');
  }
}
