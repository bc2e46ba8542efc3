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

/**
 * Reads a token (6348/70121), with which a user joins a room, or logs in where `roomId` is empty.
 * @throws HttpError with 401 when it is not good for that
 */
export function readToken(
  token: string,
  who: { readonly userId: string; readonly roomId: string },
  { appId, appKey }: { readonly appId: string; readonly appKey: string },
  now: number,
): ClientToken {
  const claims = readClaims(token, appId, appKey);
  const { userId, roomId, expireAt } = claims;
  require(userId === who.userId, 'is of another user');
  const isForPlace = roomId === who.roomId || (roomId === '*' && who.roomId !== '');
  require(isForPlace, 'is for another room, or to log in');
  require(expireAt === undefined || expireAt.getTime() > now, 'has expired');
  return claims;
}

function readClaims(token: string, appId: string, appKey: string): ClientToken {
  const head = `001${appId}`;
  require(token.startsWith(head), 'is none of this app');
  const bytes = Buffer.from(token.slice(head.length), 'base64');
  require(bytes.toString('base64') === token.slice(head.length), 'is not well-formed base64');
  try {
    const reader = new Reader(bytes);
    const content = reader.bytes();
    const signature = reader.bytes();
    const isSigned = createHmac('sha256', appKey).update(content).digest().equals(signature);
    require(isSigned && reader.isAtEnd, 'is not signed with the app key');
    const fields = new Reader(content);
    const [, issuedAt, expireAt] = [fields.number(4), fields.number(4), fields.number(4)];
    const [roomId, userId] = [fields.bytes().toString(), fields.bytes().toString()];
    const privileges = Array.from({ length: fields.number(2) }, () => {
      const privilege = fields.number(2);
      fields.number(4);
      return privilege;
    });
    const [issued, expires] = [new Date(issuedAt * 1_000), new Date(expireAt * 1_000)];
    return {
      userId,
      roomId,
      issuedAt: issued,
      expireAt: expireAt === 0 ? undefined : expires,
      privileges,
    };
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(401, 'token: is cut short');
  }
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
