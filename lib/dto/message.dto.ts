import { IsNotForCallers, IsTrueOrFalse, MayBeLeftOut } from './field.decorators.js';

/** What every message has, whomever it goes to. */
export interface MessageRequest {
  /**
   * A string is sent as text, a `Uint8Array` as binary. With `binary: true` a string is taken as base64. How much
   * it may be (of UTF-8 for text, decoded for binary) depends on the action.
   */
  readonly message: string | Uint8Array;
  /** The sender's ID that clients see. Default: the module's `from`. */
  readonly from?: string | undefined;
  /** Default: true for a `Uint8Array`, false for a string. */
  readonly binary?: boolean | undefined;
}

/** The rules that are the same for every action; that of `message` depends on how much the action takes. */
export abstract class MessageDto {
  @MayBeLeftOut()
  @IsTrueOrFalse()
  binary?: boolean | undefined;

  static {
    // Not declared, since DTOs have no such property; see `WithFrom()`.
    MayBeLeftOut()(this.prototype, 'from');
    IsNotForCallers()(this.prototype, 'from');
  }
}
