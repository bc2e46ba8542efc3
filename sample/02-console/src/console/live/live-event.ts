import type { FanOutProgress } from 'nestjs-rtc-messaging';
import type { ReceivedMessage, ServerMessageError } from 'nestjs-rtc-messaging/emulator';
import type { ClassroomNews } from '../../classroom/hands.service.js';
import type { Target } from '../emulator/emulator.client.js';
import type { FanOutEnd } from '../fan-out/fan-out-end.js';
import type { FaultState } from '../faults/fault.service.js';
import type { RatePoint } from '../rate/rate-meter.js';
import type { Confirmation } from '../receipts/receipt-news.service.js';

/** What the page is told over its live connection. */
export type LiveEvent =
  /** The key is right. */
  | {
      readonly type: 'ready';
      readonly target: Target;
      /** Requests a second. */
      readonly quota: number;
      readonly maxSimulated: number;
      /** Whether users join with tokens. */
      readonly issuesTokens: boolean;
    }
  /** It has changed since `ready`: an emulator was started after the page was opened. */
  | { readonly type: 'target'; readonly target: Target }
  | { readonly type: 'rate'; readonly points: readonly RatePoint[] }
  | { readonly type: 'fault'; readonly state: FaultState }
  /** Everyone who is in the room, whoever let them join. */
  | { readonly type: 'room'; readonly roomId: string; readonly users: readonly string[] }
  | { readonly type: 'joined'; readonly userId: string }
  /** `replaced`: someone else joined under this ID; `lost`: the emulator is gone. */
  | { readonly type: 'left'; readonly userId: string; readonly reason: 'left' | 'replaced' | 'lost' }
  | { readonly type: 'not_joined'; readonly userId: string; readonly message: string }
  /** As the emulator tells it; bytes are base64. */
  | { readonly type: 'received'; readonly userId: string; readonly received: ReceivedJson }
  /** The receiver in a user's app has dropped a copy of what it was given before. */
  | {
      readonly type: 'copy_dropped';
      readonly userId: string;
      readonly event: ReceivedJson['event'];
      readonly at: string;
    }
  /** Whose apps have confirmed the message that the page looks at: first those so far, then each as it comes. */
  | { readonly type: 'receipts'; readonly messageId: string; readonly confirmed: readonly Confirmation[] }
  /** What the app answered to a message of a user, or why there is no answer. */
  | { readonly type: 'answered'; readonly userId: string; readonly answer: AnswerJson }
  /** What the app was told of the room. */
  | { readonly type: 'news'; readonly news: ClassroomNews }
  | { readonly type: 'progress'; readonly progress: FanOutProgress }
  | ({ readonly type: 'fan_out_ended' } & FanOutEnd);

export interface ReceivedJson {
  /** The callback under which the client SDK hands it on. */
  readonly event: ReceivedMessage['event'];
  readonly from: string;
  readonly message: string;
  readonly at: string;
}

/** As the client SDK's `onServerMessageSendResult` has it. */
export interface AnswerJson {
  readonly event: 'onServerMessageSendResult';
  readonly msgid: number;
  readonly error: ServerMessageError;
  readonly message: string;
}
