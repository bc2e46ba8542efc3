import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { randomUUID } from 'node:crypto';
import { RtcMessagingModule, type RtcMessagingOptions } from 'nestjs-rtc-messaging';
import {
  FanOutQueueService,
  RtcFanOutQueueModule,
  type RtcFanOutQueueExtras,
  type RtcFanOutQueueOptions,
} from 'nestjs-rtc-messaging/bullmq';

/** An app, or one process's part of it, without HTTP. */
export interface QueueApp {
  readonly module: TestingModule;
  readonly queue: FanOutQueueService;
  close(): Promise<void>;
}

export type QueueAppOptions = Omit<RtcFanOutQueueOptions, 'connection'> & RtcFanOutQueueExtras;

/** Of a test's own, since the server may be shared. */
export function ownPrefix(): string {
  return `test-${randomUUID()}`;
}

/**
 * @param rtc left out for a producer, which sends nothing
 * @param others that the app has
 */
export async function startQueueApp(
  connection: RtcFanOutQueueOptions['connection'],
  options: QueueAppOptions,
  rtc?: RtcMessagingOptions,
  others: NonNullable<ModuleMetadata['imports']> = [],
): Promise<QueueApp> {
  const module = await Test.createTestingModule({
    imports: [
      ...(rtc === undefined ? [] : [RtcMessagingModule.forRoot(rtc)]),
      RtcFanOutQueueModule.forRoot({ connection, lostAfterMs: 1_000, ...options }),
      ...others,
    ],
  }).compile();
  // Failures are what many tests are about.
  module.useLogger(false);
  module.enableShutdownHooks([]);
  try {
    await module.init();
  } catch (error) {
    await module.close();
    throw error;
  }
  return { module, queue: module.get(FanOutQueueService), close: () => module.close() };
}
