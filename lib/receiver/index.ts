export { confirmWith, type ResultConfirmation, type ServerMessageId } from './confirm-with.js';
export {
  createReceiver,
  type ReceivedMessage,
  type Receiver,
  type ReceiverOptions,
} from './create-receiver.js';
export type { ClientMessage } from './frame.js';
export type { ReceiverStorage } from './seen-storage.js';
