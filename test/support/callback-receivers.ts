import type { HttpException } from '@nestjs/common';
import { LimitedLog } from '../../lib/diagnostics/limited-log.js';
import type { RtcCallbackOptions } from '../../lib/callbacks/callback-options.js';
import { resolveCallbackSettings } from '../../lib/callbacks/callback-settings.js';
import { EventReceiver } from '../../lib/callbacks/event-receiver.js';
import type { Handler } from '../../lib/callbacks/find-handlers.js';
import type { Fields } from '../../lib/callbacks/callback-request.js';
import { APP_ID, EVENT_SECRET, MESSAGE_SECRET } from './callback-requests.js';
import { LogLines } from './log-lines.js';

export function callbackSettings(options: Partial<RtcCallbackOptions> = {}) {
  return resolveCallbackSettings(
    {
      appId: APP_ID,
      events: { path: '/events', secrets: [EVENT_SECRET], ...options.events },
      clientMessages: { path: '/messages', secrets: [MESSAGE_SECRET], ...options.clientMessages },
    },
    undefined,
    {},
  );
}

/** A handler of events that does as it is told. */
export function handlerOf(types: readonly string[], run: (argument: unknown) => unknown): Handler {
  return { label: 'A.handler()', types, run: async (argument) => await run(argument) };
}

/** The receiver of events with these handlers, and what it logs. */
export function receiverOf(
  handlers: readonly Handler[],
  events: Partial<RtcCallbackOptions['events']> = {},
  callLimitMs?: number,
) {
  const settings = callbackSettings({ events: events as never });
  const logger = new LogLines();
  const receiver = new EventReceiver(APP_ID, settings.events!, handlers, new LimitedLog(logger), callLimitMs);
  return {
    logger,
    tell: (event: object) => statusOf(receiver.receive(event as Fields)),
  };
}

/** The status of the answer, or of the refusal. */
export async function statusOf(received: Promise<unknown>): Promise<number> {
  try {
    await received;
    return 200;
  } catch (error) {
    return (error as HttpException).getStatus();
  }
}
