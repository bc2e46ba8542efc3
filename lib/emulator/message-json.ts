import type { ReceivedMessage } from './participant.js';

/** A received message as JSON, for other processes: bytes are base64. */
export function toMessageJson(received: ReceivedMessage): Record<string, unknown> {
  const { event, msgid, from, at, message } = received;
  return {
    event,
    msgid,
    from,
    message: typeof message === 'string' ? message : Buffer.from(message).toString('base64'),
    at: at.toISOString(),
  };
}
