import type { InjectionToken } from '@nestjs/common';
import type { RedisTarget } from '../redis-client/open-client.js';

/** Options of the durable queue. */
export interface RtcFanOutQueueOptions {
  /**
   * The connection to Redis (or Valkey): a URL, options of `ioredis`, `{ nodes, options }` of a Cluster, or a client of
   * `ioredis`, which is duplicated and never closed. Options that a queue can't work with are replaced
   * (`enableOfflineQueue: false`, `stringNumbers`, `keyPrefix`, `scripts`, time limits, how to reconnect, reading from
   * replicas), and `failoverDetector` is on. `role: 'slave'`, `monitor` and, for a Cluster, a `db` are refused.
   */
  readonly connection: RedisTarget;
  /**
   * Prefix of the keys. It becomes their hash tag, so all keys of a queue are on one node of a Cluster. Letters,
   * digits, `_` and `-`. Default `rtc`.
   */
  readonly prefix?: string | undefined;
  /** Number of chunks that a worker sends at once, 1–1,000. Default 16. */
  readonly concurrency?: number | undefined;
  /**
   * Number of chunks of one fan-out that may be queued at once, 1–10,000. A second fan-out waits for at most this many
   * chunks of the first. It must exceed what all workers send at once, or they wait for each other. Default 100.
   */
  readonly lookAhead?: number | undefined;
  /**
   * Number of stored chunks of a fan-out that are not completed, 1–1,000,000. `enqueue` reads one chunk more and then
   * waits. Default 5,000: three million recipients.
   */
  readonly maxStoredChunks?: number | undefined;
  /**
   * Time without a sign of life after which a worker counts as lost, in milliseconds, 500–600,000. A process whose
   * event loop is blocked for this long counts as lost too. Default 15,000.
   */
  readonly lostAfterMs?: number | undefined;
  /**
   * Time without a heartbeat after which a producer is missed, in milliseconds, 500–86,400,000. If it stays silent for
   * half as long again (three seconds at least), it counts as lost, and a fan-out that was not enqueued to its end ends
   * with the stored recipients. So an outage of Redis ends no fan-out. Default 30,000.
   */
  readonly producerLostAfterMs?: number | undefined;
  /** How long the result of a fan-out can be read after its end, in milliseconds. Default: one day. */
  readonly retentionMs?: number | undefined;
  /**
   * How long a fan-out without any progress is kept, including its message and recipients, in milliseconds. Default:
   * seven days.
   */
  readonly maxIdleMs?: number | undefined;
}

/** Makes the options, for `useClass` and `useExisting`. */
export interface RtcFanOutQueueOptionsFactory {
  /** Called once, when the app boots. */
  createRtcFanOutQueueOptions(): Promise<RtcFanOutQueueOptions> | RtcFanOutQueueOptions;
}

/** Role of this process: it enqueues fan-outs, sends them, or both. */
export type FanOutQueueRole = 'producer' | 'worker' | 'both';

/** What Nest must know before any async factory runs. */
export interface RtcFanOutQueueExtras {
  /** Default `both`. A worker needs `RtcMessagingModule` in the app; a producer does not. */
  readonly role?: FanOutQueueRole | undefined;
  /**
   * The BullMQ queue. Default {@link DEFAULT_FAN_OUT_QUEUE}. Two queues in one app may share it if their `prefix` or
   * Redis differs, but `@InjectQueue` and Bull Board then find only one of them.
   */
  readonly queueName?: string | undefined;
  /** Makes `FanOutQueueService` injectable everywhere. Default false. */
  readonly isGlobal?: boolean | undefined;
  /** The service that a worker sends with. Default `RoomUnicastService`. */
  readonly roomUnicast?: InjectionToken | undefined;
}

/** The name of the BullMQ queue, for `@InjectQueue` and Bull Board. */
export const DEFAULT_FAN_OUT_QUEUE = 'rtc-fan-out';
