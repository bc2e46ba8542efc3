// What `import` finds, with the types of `index`. The rest is loaded from here, so that a missing package can be told
// in words of our own: a static import fails before any code runs.
import { explainMissingPeer } from '../config/optional-package.js';

const entry = await import('./index.js').catch((error: unknown) => {
  throw explainMissingPeer(error, 'nestjs-rtc-messaging/bullmq', ['@nestjs/bullmq', 'bullmq', 'ioredis']);
});

export const {
  DEFAULT_FAN_OUT_QUEUE,
  FanOutEnqueueError,
  FanOutHandle,
  FanOutQueueService,
  RtcFanOutQueueModule,
} = entry;
