import { MAX_RECIPIENTS } from '../dto/field-rules.js';
import type { RtcMessagingOptions } from '../index.js';
import { failureOf, randomId } from './check-setup.js';
import type { Finding } from './check-steps.js';
import { withApp } from './with-app.js';

const BATCHES = 3;
const WINDOW_MS = 1_000;

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
  return withApp(probing, async ({ messages, settings: { quota } }): Promise<Finding> => {
    const size = Math.min(MAX_RECIPIENTS, quota.requestsPerSecond);
    const recipients = BATCHES * size;
    if (recipients <= quota.requestsPerSecond) {
      return inconclusive(`${recipients} recipients are fewer than the quota allows, so nothing was sent`);
    }
    const started = performance.now();
    const sent = await Promise.all(
      Array.from({ length: BATCHES }, () => {
        const to = Array.from({ length: size }, randomId);
        const message = { roomId: randomId(), to, message: 'nestjs-rtc-messaging check --quota' };
        return failureOf(() => messages.batchSend(message));
      }),
    );
    const tookMs = performance.now() - started;
    if (sent.some((error) => error?.attempts.at(-1)?.throttled)) {
      return {
        step: 'quota',
        status: 'warning',
        message:
          'a batch was refused: the account counts recipients, or others use it now. ' +
          'If nothing else sends now, set quota.costPer (RTC_QUOTA_COST_PER) to recipient',
      };
    }
    const error = sent.find((failure) => failure !== undefined);
    if (error !== undefined) return inconclusive(error.message);
    if (tookMs > WINDOW_MS)
      return inconclusive(`the batches took ${Math.round(tookMs)} ms, and so no single second`);
    return {
      step: 'quota',
      status: 'ok',
      message:
        `${recipients} recipients were accepted within a second: the account probably counts requests, ` +
        'which is the default of quota.costPer (RTC_QUOTA_COST_PER): request',
    };
  });
}

function inconclusive(why: string): Finding {
  return { step: 'quota', status: 'unknown', message: `inconclusive: ${why}` };
}
