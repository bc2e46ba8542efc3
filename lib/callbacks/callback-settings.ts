import { nameProblems } from '../config/registration.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { readVariables } from '../options/read-variables.js';
import {
  hasMethods,
  isArray,
  milliseconds,
  must,
  oneOf,
  type Rule,
  text,
  typeName,
  wholeNumber,
  wrong,
} from '../options/rules.js';
import type { RtcCallbackOptions, RtcClientMessagesOptions, RtcEventsOptions } from './callback-options.js';
import type { EventRedis } from './seen-events.js';

const MODULE = 'RtcCallbackModule';
const MAX_SECRETS = 10;
const DAY_MS = 86_400_000;

const path = text(
  /^(\/[\w.~-]+)+$/,
  'must be a path such as /rtc/events, without parameters or a slash at its end',
);

/** @param shortest number of characters: a secret that others choose may be short */
const secrets =
  (shortest: number): Rule<readonly string[]> =>
  (given, isVariable) => {
    const list: unknown = isVariable ? String(given).split(',') : given;
    if (!isArray(list)) return wrong(`must be a list of secrets, got ${typeName(list)}`);
    const copy = [...list];
    if (copy.length === 0 || copy.length > MAX_SECRETS) return wrong(`must have 1–${MAX_SECRETS} secrets`);
    const rule = `must be ${shortest}–256 printable ASCII characters without spaces`;
    const one = text(new RegExp(`^[\\x21-\\x7e]{${shortest},256}$`), rule);
    const problems = copy.flatMap((secret, index) => {
      const checked = one(secret);
      return 'value' in checked
        ? []
        : checked.problems.map((problem) => ({ ...problem, option: `[${index}]` }));
    });
    return problems.length > 0 ? { problems } : { value: copy as string[] };
  };

const EVENTS = {
  path,
  secrets: { rule: secrets(1), variable: 'RTC_CALLBACK_SECRETS', redacted: true },
  maxAgeMs: { rule: milliseconds(1_000, DAY_MS), default: 900_000 },
  acknowledge: { rule: oneOf('handled', 'early'), default: 'handled' },
  redis: {
    rule: must<EventRedis>('a client of ioredis', (given) => hasMethods(given, 'exists', 'set')),
    redacted: true,
  },
} satisfies OptionTable<RtcEventsOptions>;

const CLIENT_MESSAGES = {
  path,
  secrets: { rule: secrets(16), variable: 'RTC_CLIENT_MESSAGE_SECRETS', redacted: true },
  maxPerSecond: { rule: wholeNumber(1, 10_000), default: 20 },
} satisfies OptionTable<RtcClientMessagesOptions>;

/** All options of `RtcCallbackModule`. */
export const CALLBACK_OPTIONS = {
  appId: {
    rule: text(/^\S{1,128}$/, 'must be 1–128 characters without white space'),
    variable: 'RTC_APP_ID',
    required: true,
  },
  events: { options: EVENTS },
  clientMessages: { options: CLIENT_MESSAGES },
} satisfies OptionTable<RtcCallbackOptions>;

/** The options, checked, with defaults. A route without a path is not mounted. */
export type CallbackSettings = OptionValues<typeof CALLBACK_OPTIONS> & {
  /** Undefined for the module without a name. */
  readonly name: string | undefined;
};

/** Paths of an app, by anything of which each app has one. */
const pathsOfApps = new WeakMap<object, Set<string>>();

/**
 * Merges the options over the environment over the defaults.
 * @param given the app's options, of any type
 * @param variables such as `process.env`
 * @param app anything of which each app has one
 * @throws RtcConfigError listing every problem
 */
export function resolveCallbackSettings(
  given: unknown,
  name: string | undefined,
  variables: Readonly<Record<string, string | undefined>>,
  app: object,
): CallbackSettings {
  const environment = {
    ...readVariables(CALLBACK_OPTIONS, variables, false, MODULE),
    ...readVariables(CALLBACK_OPTIONS, variables, true, MODULE),
  };
  const { values, problems } = readOptions(CALLBACK_OPTIONS, given, MODULE, environment);
  const reject = (option: string, message: string, variable?: string): void => {
    // What is wrong in itself is not missing.
    const place = `${MODULE}.${option}`;
    if (!problems.some((problem) => problem.option.startsWith(place))) {
      problems.push({ option: place, variable, message });
    }
  };
  problems.push(...nameProblems(name).map(({ message }) => ({ option: `${MODULE}.name`, message })));
  const paths = pathsOfApps.get(app) ?? new Set();
  pathsOfApps.set(app, paths);
  for (const route of ['events', 'clientMessages'] as const) {
    const { path: own, secrets: keys } = values[route];
    const isAskedFor = (given as Partial<RtcCallbackOptions> | undefined)?.[route] !== undefined;
    if (own === undefined && isAskedFor) reject(`${route}.path`, 'is missing');
    if (own === undefined) continue;
    if (keys === undefined) {
      reject(`${route}.secrets`, 'is missing', CALLBACK_OPTIONS[route].options.secrets.variable);
    }
    if (paths.has(own)) reject(`${route}.path`, 'is that of another route too; give each a path of its own');
    paths.add(own);
  }
  if (problems.length === 0 && paths.size === 0 && values.clientMessages.secrets === undefined) {
    reject('events', 'and clientMessages are both missing; there is nothing to receive');
  }
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return { ...values, name };
}
