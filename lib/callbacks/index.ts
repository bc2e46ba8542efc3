export type * from './callback-options.js';
export type { RtcClientAnswer, RtcClientMessage } from './client-message-receiver.js';
export {
  type ClientSignatureClaims,
  type ClientSignatureRequest,
  ClientSignatureService,
  getClientSignatureToken,
  InjectClientSignature,
} from './client-signature.service.js';
export { OnClientMessage, OnRtcEvent, type RtcHandlerOptions } from './handler-decorators.js';
export type * from './rtc-callback-event.js';
export { RtcCallbackModule } from './rtc-callback.module.js';
