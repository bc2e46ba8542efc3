import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import type { RtcMessagingOptions } from '../index.js';
import { failureOf, type Finding, randomId } from './check-setup.js';
import { RoomUnicastService, withApp } from './with-app.js';

const BATCHES = 3;
const WINDOW_MS = 1_000;

const as = (status: Finding['status'], message: string): Finding => ({ step: 'quota', status, message });
const inconclusive = (why: string): Finding => as('unknown', `inconclusive: ${why}`);

/**
 * Finds out whether the account's quota counts requests or recipients: by three batches at once, to users who are not
 * there, that are far from so many requests, and together more than so many recipients.
 */
export function probeQuota(options: RtcMessagingOptions): Promise<Finding> {
  // Neither held back as if recipients were counted, nor tried again.
  const probing = {
    ...options,
    quota: { ...options.quota, costPer: 'request' },
    retry: { maxAttempts: 1 },
  } as const;
  return withApp(probing, async (app, { quota: { requestsPerSecond } }) => {
    const size = Math.min(MAX_RECIPIENTS, requestsPerSecond);
    const recipients = BATCHES * size;
    if (recipients <= requestsPerSecond)
      return inconclusive(`${recipients} recipients are fewer than the quota allows, so nothing was sent`);
    const started = performance.now();
    const batches = Array.from({ length: BATCHES }, () => {
      const to = Array.from({ length: size }, randomId);
      const message = { roomId: randomId(), to, message: 'nestjs-rtc-messaging check --quota' };
      return failureOf(app.get(RoomUnicastService).batchSend(message));
    });
    const failures = await Promise.all(batches);
    const tookMs = Math.round(performance.now() - started);
    if (failures.some((error) => error?.attempts.at(-1)?.throttled)) {
      const what = 'a batch was refused: the account counts recipients, or others use it now';
      const how = 'If nothing else sends now, set quota.costPer (RTC_QUOTA_COST_PER) to recipient';
      return as('warning', `${what}. ${how}`);
    }
    const error = failures.find((failure) => failure !== undefined);
    if (error !== undefined) return inconclusive(error.message);
    if (tookMs > WINDOW_MS) return inconclusive(`the batches took ${tookMs} ms, and so no single second`);
    const what = `${recipients} recipients were accepted within a second: the account probably counts requests`;
    const how = 'which is the default of quota.costPer (RTC_QUOTA_COST_PER): request';
    return as('ok', `${what}, ${how}`);
  });
}
