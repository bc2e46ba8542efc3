export { type ConfirmedByCallback, confirmWith } from './confirm-with.js';
export type { ReceivedMessage, Receiver, ReceiverOptions, ReceiverStorage } from './create-receiver.js';
export { createReceiver } from './create-receiver.js';
export type { ClientMessage } from './frame.js';
