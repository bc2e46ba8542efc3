import {
  type BatchSendRoomUnicastRequest,
  RoomUnicastService,
  type RtcMessagingOptions,
  type SendReceipt,
} from '../index.js';
import { isLoopback } from '../openapi/loopback.js';
import { withApp } from './with-app.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Sends a message: with `SendRoomUnicast`, which takes a longer one, if it is for one user.
 * @param mayLeave asked before a message goes to another machine, with its host
 * @returns undefined if it may not
 * @throws RtcMessagingError when it was not accepted. It is an RtcAbortedError after Ctrl-C or SIGTERM.
 */
export async function sendMessage(
  options: RtcMessagingOptions,
  { to, ...rest }: BatchSendRoomUnicastRequest,
  mayLeave: (host: string) => Promise<boolean>,
): Promise<SendReceipt | undefined> {
  const [first = ''] = to;
  const interrupted = new AbortController();
  const { signal } = interrupted;
  const interrupt = (): void => interrupted.abort();
  try {
    return await withApp(options, async (app, { endpoint, from }) => {
      if (from === undefined) throw new TypeError('the sender is missing: give --from, or set RTC_FROM');
      const { host, hostname } = new URL(endpoint);
      if (!isLoopback(hostname) && !(await mayLeave(host))) return undefined;
      const messages = app.get(RoomUnicastService, { strict: false });
      // Not before, so that a question can be left as ever.
      for (const name of SIGNALS) process.once(name, interrupt);
      return to.length === 1
        ? messages.send({ ...rest, to: first }, { signal })
        : messages.batchSend({ ...rest, to }, { signal });
    });
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
