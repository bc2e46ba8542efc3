export type {
  RtcCallbackExtras,
  RtcCallbackOptions,
  RtcCallbackOptionsFactory,
  RtcClientMessagesOptions,
  RtcEventsOptions,
} from './callback-options.js';
export type { RtcClientAnswer, RtcClientMessage } from './client-message.js';
export type { ClientSignatureClaims } from './client-signature.js';
export {
  type ClientSignatureRequest,
  ClientSignatureService,
  getClientSignatureToken,
  InjectClientSignature,
} from './client-signature.service.js';
export { OnClientMessage, OnRtcEvent, type RtcHandlerOptions } from './handler-decorators.js';
export type {
  RtcCallbackEvent,
  RtcEventData,
  RtcEventType,
  RtcRoomEventData,
  RtcUserEventData,
} from './rtc-callback-event.js';
export { RtcCallbackModule } from './rtc-callback.module.js';
export type { EventRedis } from './seen-events.js';
