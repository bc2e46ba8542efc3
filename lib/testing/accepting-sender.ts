import type { RtcMessagingSettings } from '../config/settings.js';
import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import type { FanOutHost } from '../fan-out/chunk-sender.js';
import type { HealthSender } from '../health/rtc-health.indicator.js';
import { LimiterHandle } from '../quota/limiter-registry.js';
import type { CallPlan } from '../retry/call-policy.js';
import type { AcceptedCall } from '../retry/sender.js';
import type { CallSender } from '../services/action-caller.js';

/** No one is known to be anywhere, or not to be: fan-outs leave no one out. */
const RESULTS: ReadonlyMap<string, unknown> = new Map([
  ['GetRoomOnlineUsers', { RoomExists: true, TotalInvisibleUser: 1 }],
  ['GetRoomUsersProperty', { UserList: [] }],
]);

/** Takes every message for accepted, and sends none: no socket, no quota, no credentials, no events. */
export function acceptingSender(settings: RtcMessagingSettings): CallSender & FanOutHost & HealthSender {
  const { usage, limiter } = new LimiterHandle(settings.quota, settings.endpoint, settings.appId);
  let requests = 0;
  const accept = async (action: string, { signal }: CallPlan): Promise<AcceptedCall> => {
    if (signal?.aborted === true) {
      const message = `${action} was aborted before it was sent; nothing was sent.`;
      throw new RtcAbortedError(message, { outcome: 'not_attempted' });
    }
    requests += 1;
    const requestId = `mock-request-${requests}`;
    const startedAt = new Date().toISOString();
    const sent = { phase: 'done', startedAt, durationMs: 0, httpStatus: 200, requestId } as const;
    const attempts: Attempt[] = [{ outcome: 'accepted', ...sent }];
    return { requestId, attempts, possibleDuplicate: false, result: RESULTS.get(action) };
  };
  return {
    module: settings.name,
    closing: new AbortController().signal,
    chunkSize: limiter.chunkSize,
    concurrency: limiter.concurrency,
    condition: { closing: false, inFlight: 0, quota: usage, credentials: { state: 'fixed' } },
    emit: () => undefined,
    askForCredentials: () => undefined,
    send: (action, _body, plan) => accept(action, plan),
    request: ({ action }, _limit, plan) => accept(action, plan),
  };
}
