import {
  type BatchSendRoomUnicastRequest,
  RoomUnicastService,
  RtcMessagingError,
  type RtcMessagingOptions,
  type SendReceipt,
} from '../index.js';
import { isLoopback } from '../openapi/loopback.js';
import { withApp } from './with-app.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** What became of a message, and that in words. */
export interface Sent {
  readonly receipt?: SendReceipt;
  readonly error?: RtcMessagingError;
  readonly words: string;
  /** Whether it was ended by Ctrl-C, or by SIGTERM. */
  readonly isInterrupted: boolean;
}

/**
 * Sends a message: with `SendRoomUnicast`, which takes a longer one, if it is for one user.
 * @param mayLeave asked before a message goes to another machine, with its host
 * @returns undefined if it may not
 */
export async function sendMessage(
  options: RtcMessagingOptions,
  { to, ...rest }: BatchSendRoomUnicastRequest,
  mayLeave: (host: string) => Promise<boolean>,
): Promise<Sent | undefined> {
  const [first = ''] = to;
  const interrupted = new AbortController();
  const { signal } = interrupted;
  const interrupt = (): void => interrupted.abort();
  try {
    const receipt = await withApp(options, async (app, { endpoint }) => {
      const { host, hostname } = new URL(endpoint);
      if (!isLoopback(hostname) && !(await mayLeave(host))) return undefined;
      const messages = app.get(RoomUnicastService, { strict: false });
      // Not before, so that a question can be left as ever.
      for (const name of SIGNALS) process.once(name, interrupt);
      return to.length === 1
        ? messages.send({ ...rest, to: first }, { signal })
        : messages.batchSend({ ...rest, to }, { signal });
    });
    if (receipt === undefined) return undefined;
    const { recipients, requestId } = receipt;
    const users = recipients === 1 ? '1 user' : `${recipients} users`;
    return {
      receipt,
      isInterrupted: false,
      words: `Accepted for ${users} (request ${requestId}). Users who are not in the room receive nothing.`,
    };
  } catch (error) {
    if (!(error instanceof RtcMessagingError)) throw error;
    return { error, words: error.message, isInterrupted: signal.aborted };
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
