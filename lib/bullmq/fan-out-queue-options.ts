import type { InjectionToken } from '@nestjs/common';
import type { FanOutQueueConnection } from './redis-connection.js';

/** How a durable fan-out is kept and worked on. */
export interface RtcFanOutQueueOptions {
  /**
   * Where Redis (or Valkey) is: a URL, options of `ioredis`, `{ nodes, options }` of a cluster, or a client of
   * `ioredis`, which is duplicated and never closed. What a queue can't do with is set right
   * (`enableOfflineQueue: false`, `stringNumbers`, `keyPrefix`, `scripts`, time limits of commands, reading from
   * replicas), and `failoverDetector` is on; `role: 'slave'`, `monitor` and, for a Cluster, a `db` are refused.
   */
  readonly connection: FanOutQueueConnection;
  /**
   * What the keys begin with; it becomes their hash tag, so that all of a queue's keys are in one slot of a
   * Redis Cluster. Letters, digits, `_` and `-`. Default `rtc`.
   */
  readonly prefix?: string | undefined;
  /** How many chunks a worker sends at once, 1–1,000. Default 16. */
  readonly concurrency?: number | undefined;
  /**
   * How many chunks of one fan-out may be queued at once, 1–10,000: a fan-out that comes second waits for so many
   * chunks of the first at most. More than all workers send at once, or they wait for each other. Default 100.
   */
  readonly lookAhead?: number | undefined;
  /**
   * How many chunks that are not completed a fan-out may have in Redis, 1–1,000,000; `enqueue` reads one
   * chunk further, and then waits. Default 5,000: three million recipients.
   */
  readonly maxStoredChunks?: number | undefined;
  /**
   * After how long a worker that is not heard of is taken for lost, in milliseconds, 500–600,000. A process whose
   * event loop stands still for so long is taken for lost, too. Default 15,000.
   */
  readonly lostAfterMs?: number | undefined;
  /**
   * After how long a producer that is not heard of is missed, in milliseconds, 500–86,400,000. If it is still not
   * heard of for half as long, three seconds at least, it is taken for lost, and a fan-out that was not enqueued to
   * its end ends with what was: so an outage of Redis ends none. Default 30,000.
   */
  readonly producerLostAfterMs?: number | undefined;
  /** How long what became of a fan-out can be read after its end, in milliseconds. Default a day. */
  readonly retentionMs?: number | undefined;
  /**
   * How long a fan-out with which nothing happens is kept, message and recipients included, in milliseconds.
   * Then it is gone. Default seven days.
   */
  readonly maxIdleMs?: number | undefined;
}

/** Makes the options, for `useClass` and `useExisting`. */
export interface RtcFanOutQueueOptionsFactory {
  /** Called once, when the app boots. */
  createRtcFanOutQueueOptions(): Promise<RtcFanOutQueueOptions> | RtcFanOutQueueOptions;
}

/** What this process does: hands fan-outs in, sends them, or both. */
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
