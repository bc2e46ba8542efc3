import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isUint8Array } from 'node:util/types';

const MAX_BYTES = 262_144;
const TOO_LARGE = `it has more than ${MAX_BYTES} bytes`;
/** How long a body may take to arrive, in milliseconds. The service sends it at once. */
const ARRIVAL_LIMIT_MS = 5_000;
/** What bodies that have not ended may take up together. */
const MAX_UNFINISHED_BYTES = 33_554_432;
/** What a chunk of a body takes up beside its bytes. */
const CHUNK_BYTES = 256;

/** A request whose body an app's own parser may have read. */
export interface CallbackRequest extends IncomingMessage {
  readonly body?: unknown;
}

/** What a request says, of any types. Texts are well-formed. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a request is answered with. Without a body: the status in words. */
export interface Answer {
  readonly status: number;
  readonly body?: string | Uint8Array;
}

/** Ends a request. The sender is told the status alone, and the operator the reason: one of few, of our own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    reason: string,
  ) {
    super(reason);
  }
}

/** Reads bodies whose sender is not known yet. They must neither stay nor fill the memory. */
export class BodyReader {
  /** Those that have not ended, oldest first. */
  readonly #unfinished = new Set<CallbackRequest>();
  #bytes = 0;

  /**
   * Reads a body as a JSON object, whatever its content type: the service sends some without one.
   * @throws Refusal
   */
  async read(request: CallbackRequest): Promise<Fields> {
    // Where it has ended, an app's own parser has read it.
    const body = request.readableEnded ? request.body : await this.#readBytes(request);
    const fields =
      typeof body === 'string' || isUint8Array(body) ? parse(Buffer.from(body as Uint8Array)) : body;
    if (typeof fields !== 'object' || fields === null) throw new Refusal(400, 'it is no JSON object');
    // UTF-8 has no form for half of a surrogate pair, and so no signature can tell one from another.
    if (Object.values(fields).some((value) => typeof value === 'string' && !value.isWellFormed())) {
      throw new Refusal(400, 'a text of it is no Unicode');
    }
    return fields as Fields;
  }

  async #readBytes(request: CallbackRequest): Promise<Uint8Array> {
    const timer = setTimeout(() => request.destroy(), ARRIVAL_LIMIT_MS);
    request.on('close', () => clearTimeout(timer));
    this.#unfinished.add(request);
    const chunks: Uint8Array[] = [];
    let held = 0;
    let size = 0;
    try {
      for await (const given of request.iterator({ destroyOnReturn: false })) {
        const chunk = given as Uint8Array;
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BYTES) throw new Refusal(413, TOO_LARGE);
        held += chunk.length + CHUNK_BYTES;
        this.#bytes += chunk.length + CHUNK_BYTES;
        const [oldest] = this.#unfinished;
        if (this.#bytes > MAX_UNFINISHED_BYTES) oldest?.destroy();
      }
      clearTimeout(timer);
      return Buffer.concat(chunks);
    } catch (error) {
      // The rest is read and forgotten for as long as it may take: to stop would cut off the answer.
      request.resume();
      throw error instanceof Refusal ? error : new Refusal(400, 'its body broke off, or took too long');
    } finally {
      this.#unfinished.delete(request);
      this.#bytes -= held;
    }
  }
}

/** @throws Refusal */
function parse(bytes: Buffer): unknown {
  if (bytes.length > MAX_BYTES) throw new Refusal(413, TOO_LARGE);
  if (!isUtf8(bytes)) throw new Refusal(400, 'it is no UTF-8');
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw new Refusal(400, 'it is no JSON');
  }
}
