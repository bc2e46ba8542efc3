import { createHmac } from 'node:crypto';
import { HttpError } from './http-error.js';

// By the vendor's layout alone: what the library issues tokens by is not what they are judged by.

/** What the token of a participant says. */
export interface ClientToken {
  /** Whose it is. */
  readonly userId: string;
  /** Empty: to log in; `*`: every room. */
  readonly roomId: string;
  /** To the second. */
  readonly issuedAt: Date;
  /** Undefined: never. */
  readonly expireAt: Date | undefined;
  /** The vendor's numbers: 0–3 publish, 4 subscribe. */
  readonly privileges: readonly number[];
}

const SIGNATURE_BYTES = 32;

/**
 * Reads a token (6348/70121).
 * @throws HttpError with 401 when it is none of this app's
 */
export function readToken(token: string, appId: string, appKey: string): ClientToken {
  const head = `001${appId}`;
  require(token.startsWith(head), 'is none of this app');
  const bytes = Buffer.from(token.slice(head.length), 'base64');
  require(bytes.toString('base64') === token.slice(head.length), 'is not well-formed base64');
  try {
    const reader = new Reader(bytes);
    const content = reader.bytes();
    const signature = reader.bytes();
    const isSigned = createHmac('sha256', appKey).update(content).digest().equals(signature);
    require(isSigned &&
      reader.isAtEnd &&
      signature.length === SIGNATURE_BYTES, 'is not signed with the app key');
    const fields = new Reader(content);
    const [, issuedAt, expireAt] = [fields.number(4), fields.number(4), fields.number(4)];
    const [roomId, userId] = [fields.bytes().toString(), fields.bytes().toString()];
    const privileges = Array.from({ length: fields.number(2) }, () => [fields.number(2), fields.number(4)]);
    return {
      userId,
      roomId,
      issuedAt: new Date(issuedAt * 1_000),
      expireAt: expireAt === 0 ? undefined : new Date(expireAt * 1_000),
      privileges: privileges.map(([privilege = 0]) => privilege),
    };
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(401, 'token: is cut short');
  }
}

/** @throws HttpError with 401 when it is another's, for another place, or expired */
export function requireToken(
  { userId, roomId, expireAt }: ClientToken,
  who: { readonly userId: string; readonly roomId: string },
  now: number,
): void {
  require(userId === who.userId, 'is of another user');
  require(roomId === who.roomId ||
    (roomId === '*' && who.roomId !== ''), 'is for another room, or to log in');
  require(expireAt === undefined || expireAt.getTime() > now, 'has expired');
}

function require(holds: boolean, problem: string): void {
  if (!holds) throw new HttpError(401, `token: ${problem}`);
}

/** Little-endian numbers, and bytes with their length before them. */
class Reader {
  #at = 0;

  constructor(private readonly source: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at === this.source.length;
  }

  number(size: number): number {
    this.#at += size;
    return this.source.readUIntLE(this.#at - size, size);
  }

  bytes(): Buffer {
    const length = this.number(2);
    this.#at += length;
    if (this.#at > this.source.length) throw new RangeError();
    return this.source.subarray(this.#at - length, this.#at);
  }
}
