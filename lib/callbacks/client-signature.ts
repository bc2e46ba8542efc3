import { createHmac } from 'node:crypto';
import { isSameText } from './same-text.js';

/** Keeps a signature of another purpose, made with the same secret, from being taken for one of these. */
const PURPOSE = 'nestjs-rtc-messaging/client-message/1';

/** What a client's signature says. */
export interface ClientSignatureClaims {
  /** Whom the signature was issued to. */
  readonly userId: string;
  /** The room that it was issued for, if any. It does not prove that the user is there. */
  readonly issuedForRoom?: string;
  /** From when on it is refused, to the second. */
  readonly expiresAt: Date;
}

/** The claims, with a signature over them, in characters that are safe in URLs. */
export function encodeClientSignature(
  { userId, issuedForRoom, expiresAt }: ClientSignatureClaims,
  appId: string,
  secret: string,
): string {
  const claims = [appId, userId, issuedForRoom ?? null, Math.floor(expiresAt.getTime() / 1_000)];
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${sign(payload, secret)}`;
}

/**
 * Reads what {@link encodeClientSignature} made. Tries every secret, in a time that depends on none of them.
 * @returns what is wrong, if anything is
 */
export function decodeClientSignature(
  signature: string,
  appId: string,
  secrets: readonly string[],
  now: number,
): ClientSignatureClaims | string {
  const [payload = '', given = '', ...more] = signature.split('.', 3);
  const isSigned = secrets.map((secret) => isSameText(sign(payload, secret), given)).includes(true);
  if (!isSigned || more.length > 0) return 'was not issued here';
  // It is ours, and so it has this form.
  const [app, userId, room, expires] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
    string,
    string,
    string | null,
    number,
  ];
  if (app !== appId) return 'was issued for another app';
  const expiresAt = new Date(expires * 1_000);
  if (now >= expiresAt.getTime()) return 'has expired';
  return { userId, ...(room !== null && { issuedForRoom: room }), expiresAt };
}

function sign(payload: string, secret: string): string {
  return createHmac('sha256', secret).update(`${PURPOSE}\n${payload}`).digest('base64url');
}
