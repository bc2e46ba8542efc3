import type { CallbackAction } from './callback-action.js';
import type { FaultKind } from './fault.js';

/** What is to be posted. */
export interface Callback {
  readonly action: CallbackAction;
  readonly roomId: string | undefined;
  readonly userId: string | undefined;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string | boolean>>;
  /** Of the body's fields. */
  readonly signatureField: 'Signature' | 'signature';
  readonly maxAttempts: number;
  /** How long it may wait for its turn. */
  readonly maxWaitMs: number;
}

/** A try to post a callback. */
export interface CallbackAttempt {
  /** Until the answer had been read, or the try failed. */
  readonly elapsedMs: number;
  /** Undefined if there was no answer, or a fault lost it. */
  readonly httpStatus?: number | undefined;
  /** The first 1,024 characters of the answer. */
  readonly answer?: string | undefined;
  /** Why there was no whole answer. */
  readonly failure?: string | undefined;
}

/** A callback whose last try has ended. */
export interface SentCallback {
  /** An event's type, or the client SDK's method. */
  readonly action: CallbackAction;
  /** When it happened, by the emulator's clock. */
  readonly at: Date;
  /** Undefined for a message of a client outside of rooms. */
  readonly roomId: string | undefined;
  /** Undefined for an event of a room as a whole. */
  readonly userId: string | undefined;
  /** Where it was posted to, without secrets. */
  readonly url: string;
  /** The fields of its JSON body, without the signature. */
  readonly body: Readonly<Record<string, string | boolean>>;
  /** Empty if it was never posted. */
  readonly attempts: readonly CallbackAttempt[];
  /** Whether a whole answer with status 200 came. */
  readonly outcome: 'delivered' | 'failed';
  /** The fault that was injected. */
  readonly fault?: FaultKind;
}

/** Memory that it takes up, about, beside its answers. */
export function bytesOf({ url, body }: Pick<Callback, 'url' | 'body'>): number {
  const texts = Object.values(body).reduce<number>((sum, value) => sum + String(value).length * 2, 0);
  return 1_024 + url.href.length + texts;
}
