import type { ReceivedMessage } from './participant.js';

/** A received message as JSON, for other processes: bytes are base64. */
export function toMessageJson(received: ReceivedMessage): Record<string, unknown> {
  const { event, from, at } = received;
  const message =
    received.event === 'onUserMessageReceived'
      ? received.message
      : Buffer.from(received.message).toString('base64');
  return { event, from, message, at: at.toISOString() };
}
