export {
  createReceiver,
  type ReceivedMessage,
  type Receiver,
  type ReceiverOptions,
  type WebMessage,
} from './create-receiver.js';
export type { ClientMessage } from './frame.js';
export type { ReceiverStorage } from './seen-storage.js';
