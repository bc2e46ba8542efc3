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
