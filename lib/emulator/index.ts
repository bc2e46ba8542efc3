export type { EventCallback } from './callback-url.js';
export type { CallbackAction, CallbackSubject, LeaveReason, ServerMessageMethod } from './callback.js';
export type { CallbackAttempt } from './callback-sender.js';
export type { Callbacks, SentCallback } from './callbacks.js';
export type { Dropped, EmulatorClock, RecordedRequest } from './emulator-state.js';
export type { Fault, FaultKind, FaultRule, FaultTarget } from './fault.js';
export type { ActiveFault, Faults } from './faults.js';
export type {
  BinaryCallback,
  Participant,
  ReceivedMessage,
  ServerMessageError,
  ServerMessageResult,
  TextCallback,
} from './participant.js';
export type { ParticipantReceiver } from './participant-receiver.js';
export type { JoinOptions, Presence } from './presence.js';
export type { EmulatedAction, PresenceAction } from './emulated-action.js';
export type { QuotaWindowKind } from './quota-window.js';
export type { ClientToken } from './read-token.js';
export type { Duplicate, RecipientCounts } from './recipient-counts.js';
export { RtcEmulator } from './rtc-emulator.js';
export type {
  EmulatedQuota,
  EmulatorAccount,
  EmulatorModuleOptions,
  EmulatorTls,
  RtcEmulatorOptions,
} from './rtc-emulator-options.js';
