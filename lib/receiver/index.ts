export {
  createReceiver,
  type ReceivedMessage,
  type Receiver,
  type ReceiverOptions,
  type ReceiverStorage,
  type WebMessage,
} from './create-receiver.js';
export type { ClientMessage } from './frame.js';
