import type { FanOutHost } from '../fan-out/chunk-sender.js';
import type { HealthSender } from '../health/rtc-health.indicator.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import type { ApiRequest } from '../openapi/api-request.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { LimiterHandle } from '../quota/limiter-registry.js';
import type { CallPlan } from '../retry/call-policy.js';
import type { AcceptedCall, SenderCondition } from '../retry/sender.js';
import type { CallSender } from '../services/action-caller.js';

/** No one is known to be anywhere, or not to be: fan-outs leave no one out. */
const RESULTS: ReadonlyMap<string, unknown> = new Map([
  ['GetRoomOnlineUsers', { RoomExists: true, TotalInvisibleUser: 1 }],
  ['GetRoomUsersProperty', { UserList: [] }],
]);

/** Takes every message for accepted, and sends none: no socket, no quota, no credentials. */
export class AcceptingSender implements CallSender, FanOutHost, HealthSender {
  readonly module: string;
  readonly closing: AbortSignal = new AbortController().signal;
  readonly chunkSize: number;
  readonly concurrency: number;
  readonly condition: SenderCondition;
  #requests = 0;

  constructor({ name, quota, endpoint, appId }: RtcMessagingSettings) {
    const { usage, limiter } = new LimiterHandle(quota, endpoint, appId);
    this.module = name;
    this.chunkSize = limiter.chunkSize;
    this.concurrency = limiter.concurrency;
    this.condition = { closing: false, inFlight: 0, quota: usage, credentials: { state: 'fixed' } };
  }

  emit(): void {
    // No events, since nothing is sent.
  }

  askForCredentials(): void {
    // There is no provider.
  }

  async request({ action }: ApiRequest, _limit: number, { signal }: CallPlan): Promise<AcceptedCall> {
    return { ...(await this.#accept(action, signal)), result: RESULTS.get(action) };
  }

  send(action: RtcActionName, _body: unknown, { signal }: CallPlan): Promise<AcceptedCall> {
    return this.#accept(action, signal);
  }

  async #accept(action: string, signal: AbortSignal | undefined): Promise<AcceptedCall> {
    if (signal?.aborted === true) {
      throw new RtcAbortedError(`${action} was aborted before it was sent; nothing was sent.`, {
        outcome: 'not_attempted',
      });
    }
    this.#requests += 1;
    const requestId = `mock-request-${this.#requests}`;
    return {
      requestId,
      attempts: [
        {
          outcome: 'accepted',
          phase: 'done',
          startedAt: new Date().toISOString(),
          durationMs: 0,
          httpStatus: 200,
          requestId,
        },
      ],
      possibleDuplicate: false,
    };
  }
}
