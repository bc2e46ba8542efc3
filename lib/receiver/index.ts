export { type ConfirmedByCallback, confirmWith } from './confirm-with.js';
export {
  createReceiver,
  type ReceivedMessage,
  type Receiver,
  type ReceiverOptions,
  type ReceiverStorage,
} from './create-receiver.js';
export type { ClientMessage } from './frame.js';
