import { Command } from '@volcengine/sdk-core';

/** Calls any action through the vendor's `@volcengine/sdk-core`, which has no RTC package of its own. */
export class ActionCommand extends Command<object, unknown> {
  constructor(input: object, params: Record<string, string>, serviceName = 'rtc', pathname = '/') {
    super(input);
    this.requestConfig = { params, method: 'POST', serviceName, pathname, contentType: 'application/json' };
  }
}
