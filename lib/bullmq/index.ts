export type {
  DurableChunkOutcome,
  DurableFanOutProgress,
  DurableFanOutReport,
  DurableFanOutStop,
  EnqueueOptions,
  ErrorRecord,
  UnacceptedRecipient,
} from './durable-fan-out.js';
export { FanOutEnqueueError, type FanOutEnqueueErrorInit } from './fan-out-enqueue.error.js';
export { FanOutHandle, type ResultOptions } from './fan-out-handle.js';
export {
  DEFAULT_FAN_OUT_QUEUE,
  type FanOutQueueRole,
  type RtcFanOutQueueExtras,
  type RtcFanOutQueueOptions,
  type RtcFanOutQueueOptionsFactory,
} from './fan-out-queue-options.js';
export { FanOutQueueService } from './fan-out-queue.service.js';
export type { RedisClusterConnection, RedisTarget } from '../redis-client/open-client.js';
export { RtcFanOutQueueModule } from './rtc-fan-out-queue.module.js';
