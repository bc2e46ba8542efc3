import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { readVariables } from '../options/read-variables.js';
import { appId, hasMethods, list, milliseconds, must, oneOf, text, wholeNumber } from '../options/rules.js';
import { RECEIPT_OPTIONS } from '../receipts/receipt-options.js';
import type { EventRedis, RtcCallbackOptions } from './callback-options.js';

const MODULE = 'RtcCallbackModule';

const path = text(/^(\/[\w.~-]+)+$/, 'must be a path such as /rtc/events, without parameters');

const redis = must<EventRedis>('a client of ioredis', (given) => hasMethods(given, 'get', 'set'));

const secrets = (shortest: number, variable: string) => {
  const rule = `must be ${shortest}–256 printable ASCII characters without spaces`;
  const each = text(new RegExp(`^[\\x21-\\x7e]{${shortest},256}$`), rule);
  return { rule: list('strings', each), variable, required: true, redacted: true } as const;
};

/** All options of `RtcCallbackModule`. */
export const CALLBACK_OPTIONS = {
  appId: { rule: appId, variable: 'RTC_APP_ID', required: true },
  events: {
    optional: true,
    options: {
      path: { rule: path, required: true },
      secrets: secrets(8, 'RTC_CALLBACK_SECRETS'),
      maxAgeMs: { rule: milliseconds(1_000, 86_400_000), default: 900_000 },
      acknowledge: { rule: oneOf('handled', 'early'), default: 'handled' },
      redis: { rule: redis, redacted: true },
    },
  },
  clientMessages: {
    optional: true,
    options: {
      path: { rule: path, required: true },
      secrets: secrets(16, 'RTC_CLIENT_MESSAGE_SECRETS'),
      maxPerSecond: { rule: wholeNumber(1, 10_000), default: 20 },
    },
  },
  receipts: { optional: true, options: RECEIPT_OPTIONS },
} satisfies OptionTable<RtcCallbackOptions>;

/** What is known of a module: the options, checked, with defaults, and what else belongs to it. */
export type CallbackSettings = OptionValues<typeof CALLBACK_OPTIONS> & {
  /** Undefined for the module without a name. */
  readonly name: string | undefined;
};

/** Settings of the events. */
export type EventSettings = NonNullable<CallbackSettings['events']>;

/**
 * Injection token of the settings. A string, since an ES module copy and a CommonJS copy of this package may be loaded
 * side by side.
 */
export const CALLBACK_SETTINGS = 'nestjs-rtc-messaging:callback-settings';

/**
 * Merges the options over the environment over the defaults.
 * @param given the app's options, of any type
 * @param variables such as `process.env`
 * @param ofExtras problems with what stands beside the options
 * @throws RtcConfigError listing every problem
 */
export function resolveCallbackSettings(
  given: unknown,
  name: string | undefined,
  variables: Readonly<Record<string, string | undefined>>,
  ofExtras: readonly ConfigProblem[] = [],
): CallbackSettings {
  const environment = readVariables(CALLBACK_OPTIONS, variables, MODULE);
  const { values, problems } = readOptions(CALLBACK_OPTIONS, given, MODULE, { environment });
  problems.push(...ofExtras);
  const { events, clientMessages, receipts } = values;
  if (events === undefined && clientMessages === undefined) {
    problems.push({ option: `${MODULE}.events`, message: 'is missing, and so is clientMessages' });
  } else if (receipts !== undefined && clientMessages === undefined) {
    problems.push({ option: `${MODULE}.clientMessages`, message: 'is missing, as which receipts come' });
  }
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return { ...values, name };
}
