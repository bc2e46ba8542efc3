import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RtcAttemptEvent } from 'nestjs-rtc-messaging';
import { RateMeter, type RatePoint } from './rate-meter.js';

const ATTEMPTS = 'nestjs-rtc-messaging:attempt';

/** How many requests this process makes to send messages, from what the library publishes. */
@Injectable()
export class RateService implements OnModuleInit, OnModuleDestroy {
  readonly #meter = new RateMeter();
  readonly #count = (message: unknown): void => {
    const { attempt, call } = message as RtcAttemptEvent;
    // Who is in a room is asked under a limit of its own, apart from the quota of the chart.
    if (call.method !== undefined) return;
    this.#meter.add(Date.parse(attempt.startedAt), attempt.outcome === 'rejected');
  };

  onModuleInit(): void {
    subscribe(ATTEMPTS, this.#count);
  }

  onModuleDestroy(): void {
    unsubscribe(ATTEMPTS, this.#count);
  }

  series(): RatePoint[] {
    return this.#meter.series();
  }
}
