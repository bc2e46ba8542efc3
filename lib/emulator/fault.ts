import type { PublishedErrorCode } from '../openapi/published-errors.js';
import type { CallbackAction } from './callback.js';
import type { EmulatedAction } from './emulated-action.js';

interface MayAccept {
  /** Whether the message is accepted first, so that the sender can't tell. */
  readonly accept?: boolean | undefined;
}
interface MayHaveStatus extends MayAccept {
  /** In place of the answer's. */
  readonly httpStatus?: number | undefined;
}

/**
 * What the emulator does in place of a good answer. Those with `accept` may accept the message first, so that
 * the sender can't tell; where it is left out, the comment says which.
 */
export type Fault =
  /** The connection is reset instead of an answer. Default: not accepted. */
  | ({ readonly kind: 'reset' } & MayAccept)
  /** The answer comes after so many milliseconds. Default: accepted. With `accept: false`, it is an internal error. */
  | ({ readonly kind: 'late'; readonly delayMs: number } & MayAccept)
  /** The answer comes byte by byte, one each so many milliseconds (default 50). Accepted or not as `late`. */
  | ({ readonly kind: 'drip'; readonly intervalMs?: number | undefined } & MayAccept)
  /** The answer's JSON breaks off in the middle. Default: accepted. */
  | ({ readonly kind: 'truncated' } & MayAccept)
  /** A page, as of a proxy, with this status (default 200). Default: not accepted. */
  | ({ readonly kind: 'html' } & MayHaveStatus)
  /** An answer without a body, with this status (default 200). Default: not accepted. */
  | ({ readonly kind: 'empty' } & MayHaveStatus)
  /** One of the documented errors, by default with its documented status. Default: not accepted. */
  | ({
      readonly kind: 'error';
      readonly code: PublishedErrorCode;
      /** The `Retry-After` header: seconds, or a date. */
      readonly retryAfter?: number | string | undefined;
    } & MayHaveStatus)
  /** A redirect, by default with 307, which asks for the same request again. Default: not accepted. */
  | ({ readonly kind: 'redirect'; readonly location: string } & MayHaveStatus)
  /** An answer that is so many bytes long. Accepted or not as `late`. */
  | ({ readonly kind: 'oversized'; readonly bytes: number } & MayAccept)
  /** A good answer, after which the connection is closed though it was to be kept. Accepted. */
  | { readonly kind: 'close_after_answer' }
  /** The request meets a clock that is so many milliseconds ahead (or, if negative, behind). */
  | { readonly kind: 'clock'; readonly offsetMs: number }
  /** A connection is reset as soon as it is made; over TLS, before the handshake. */
  | { readonly kind: 'reset_connection' }
  /** Over TLS: a connection is shown this certificate (PEM) in place of the emulator's own. */
  | { readonly kind: 'untrusted_certificate'; readonly key: string; readonly cert: string }
  /** Connections are refused from now on for so many milliseconds, and idle ones are closed. */
  | { readonly kind: 'refuse'; readonly forMs: number }
  /** An event is never told, and a client's message gets lost before it arrives (`E2BSSendFailed`). */
  | { readonly kind: 'callback_lost' }
  /** An event or a client's message arrives so many milliseconds later, and those behind it come first. */
  | { readonly kind: 'callback_late'; readonly delayMs: number }
  /** An event or a client's message arrives twice, the same both times. */
  | { readonly kind: 'callback_twice' }
  /**
   * An event arrives twice, and its copy has the values of EventId and Nonce swapped, which leaves the signature right.
   * A client's message arrives twice, the same both times.
   */
  | { readonly kind: 'callback_swapped_copy' }
  /** The last character of the signature is wrong, at each try. */
  | { readonly kind: 'callback_wrong_signature' }
  /** It arrives, and its first answer gets lost: an event is told again, a client gets `E2BSReturnFailed`. */
  | { readonly kind: 'callback_answer_lost' };

/** What a fault can be. */
export type FaultKind = Fault['kind'];

/** What a rule looks at in a request or a callback. Fields that can't be read are empty. */
export interface FaultTarget {
  /** The action that the request names; of a callback, an event's type or the client SDK's method. */
  readonly action: string;
  /** The room that the request names, or that the callback is about. */
  readonly roomId: string;
  /** The users that it addresses, or the one whom the callback is about. */
  readonly to: readonly string[];
}

/** A fault, and which requests (or connections, or callbacks) it applies to. */
export type FaultRule = Fault & {
  /** How many it applies to at most. Default: 1, or no limit with a `probability`. */
  readonly times?: number | undefined;
  /** How likely it applies to one that matches, from 0 to 1. */
  readonly probability?: number | undefined;
  /** Of the probability's random numbers. Default 1: each run is the same. */
  readonly seed?: number | undefined;
  /** Only requests or callbacks of this action, to this room or this user, or (from code) those that the function picks. */
  readonly match?:
    | {
        /** Only requests of this action, events of this type, or messages by this method. */
        readonly action?: EmulatedAction | CallbackAction | undefined;
        /** Only those to this room, or of it. */
        readonly roomId?: string | undefined;
        /** Only those that address this user, alone or among others, or are about them. */
        readonly userId?: string | undefined;
      }
    | ((target: FaultTarget) => boolean)
    | undefined;
};
