import { createHmac } from 'node:crypto';
import { ensure } from './http-error.js';

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
  const head = `001${appId}`;
  const encoded = token.slice(head.length);
  refuseUnless(token.startsWith(head), 'is none of this app');
  const bytes = Buffer.from(encoded, 'base64');
  refuseUnless(bytes.toString('base64') === encoded, 'is not well-formed base64');
  const whole = new Reader(bytes);
  const content = whole.bytes();
  const isSigned = createHmac('sha256', appKey).update(content).digest().equals(whole.bytes());
  refuseUnless(isSigned && whole.isAtEnd, 'is not signed with the app key');
  const reader = new Reader(content);
  const [, issuedAt, expiry] = [reader.number(4), reader.number(4), reader.number(4)];
  const [roomId, userId] = [reader.bytes().toString(), reader.bytes().toString()];
  const privileges = Array.from({ length: reader.number(2) }, () => {
    const privilege = reader.number(2);
    reader.number(4);
    return privilege;
  });
  refuseUnless(userId === who.userId, 'is of another user');
  const isForPlace = roomId === who.roomId || (roomId === '*' && who.roomId !== '');
  refuseUnless(isForPlace, 'is for another room, or to log in');
  const expireAt = expiry === 0 ? undefined : new Date(expiry * 1_000);
  refuseUnless(expireAt === undefined || expireAt.getTime() > now, 'has expired');
  return { userId, roomId, issuedAt: new Date(issuedAt * 1_000), expireAt, privileges };
}

function refuseUnless(holds: boolean, problem: string): void {
  ensure(holds, 401, `token: ${problem}`);
}

/** Little-endian numbers, and bytes with their length before them. */
class Reader {
  #at = 0;

  constructor(private readonly source: Buffer) {}

  get isAtEnd(): boolean {
    return this.#at === this.source.length;
  }

  number(size: number): number {
    return this.#next(size).readUIntLE(0, size);
  }

  bytes(): Buffer {
    return this.#next(this.number(2));
  }

  #next(length: number): Buffer {
    this.#at += length;
    refuseUnless(this.#at <= this.source.length, 'is cut short');
    return this.source.subarray(this.#at - length, this.#at);
  }
}
