import { type Checked, type OptionRule, text, typeName, wholeNumber } from '../config/option-rules.js';
import { Redacted } from '../privacy/redacted.js';
import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import type { RedisOptions } from 'ioredis';
import type { FanOutQueueConnection } from './redis-connection.js';

/** The options, checked, with defaults. Times are in milliseconds. */
export interface FanOutQueueSettings {
  /** It may hold a password. */
  readonly connection: Redacted<FanOutQueueConnection>;
  /** With its braces. */
  readonly prefix: string;
  readonly concurrency: number;
  readonly lookAhead: number;
  readonly maxStoredChunks: number;
  readonly lostAfterMs: number;
  readonly producerLostAfterMs: number;
  readonly retentionMs: number;
  readonly maxIdleMs: number;
}

const DAY_MS = 86_400_000;
/** Redis takes more, but no one means it. */
const YEAR_MS = 366 * DAY_MS;

const NUMBERS = {
  concurrency: { rule: wholeNumber(1, 1_000), fallback: 16 },
  lookAhead: { rule: wholeNumber(1, 10_000), fallback: 100 },
  maxStoredChunks: { rule: wholeNumber(1, 1_000_000), fallback: 5_000 },
  lostAfterMs: { rule: wholeNumber(500, 600_000), fallback: 15_000 },
  producerLostAfterMs: { rule: wholeNumber(500, DAY_MS), fallback: 30_000 },
  retentionMs: { rule: wholeNumber(1_000, YEAR_MS), fallback: DAY_MS },
  maxIdleMs: { rule: wholeNumber(1_000, YEAR_MS), fallback: 7 * DAY_MS },
} satisfies Partial<Record<keyof FanOutQueueSettings, { rule: OptionRule<number>; fallback: number }>>;

const prefixRule = text(/^[\w-]{1,64}$/, 'must be 1–64 of letters, digits, _ and -');

/** @throws RtcConfigError listing everything that is wrong */
export function resolveFanOutQueueSettings(given: unknown): FanOutQueueSettings {
  const problems: ConfigProblem[] = [];
  const note = (option: string, message: string): void =>
    void problems.push({ option: `RtcFanOutQueueModule.${option}`, message });
  const options = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  if (options !== given) note('options', `must be an object, got ${typeName(given)}`);

  const known = new Set<string>(['connection', 'prefix', ...Object.keys(NUMBERS)]);
  for (const name of Object.keys(options)) if (!known.has(name)) note(name, 'is not a known option');
  const read = <T>(name: string, rule: OptionRule<T>, fallback: T): T => {
    const value = options[name];
    if (value === undefined) return fallback;
    const checked: Checked<T> = rule(value, false);
    if ('value' in checked) return checked.value;
    note(name, checked.problem);
    return fallback;
  };
  const number = (name: keyof typeof NUMBERS): number =>
    read(name, NUMBERS[name].rule, NUMBERS[name].fallback);

  const { connection } = options;
  if (!isConnection(connection)) {
    note(
      'connection',
      `must be a redis:// or rediss:// URL (a password in it percent-encoded), options or a client of ioredis, or { nodes, options }, got ${typeName(connection)}`,
    );
  } else
    for (const [option, problem] of Object.entries(problemsOf(connection)))
      note(`connection.${option}`, problem);
  const settings: Omit<FanOutQueueSettings, 'connection'> = {
    prefix: `{${read('prefix', prefixRule, 'rtc')}}`,
    concurrency: number('concurrency'),
    lookAhead: number('lookAhead'),
    maxStoredChunks: number('maxStoredChunks'),
    lostAfterMs: number('lostAfterMs'),
    producerLostAfterMs: number('producerLostAfterMs'),
    retentionMs: number('retentionMs'),
    maxIdleMs: number('maxIdleMs'),
  };
  if (!isConnection(connection) || problems.length > 0) throw new RtcConfigError(problems);
  return { ...settings, connection: new Redacted(connection, 'connection') };
}

/** What a connection can't be used with, and what can't be set right for it. */
function problemsOf(connection: FanOutQueueConnection): Record<string, string> {
  // Its query is options of ioredis.
  if (typeof connection === 'string')
    return problemsOf(Object.fromEntries(new URL(connection).searchParams) as RedisOptions);
  const { nodes, options } = connection as { nodes?: unknown; options?: unknown };
  if (Array.isArray(nodes) && nodes.length === 0) return { nodes: 'must name one node at least' };
  // Those of a client, of a cluster, or the connection's own.
  const { role, monitor, sentinels, name } = (
    typeof options === 'object' && options !== null ? options : connection
  ) as { role?: unknown; monitor?: unknown; sentinels?: unknown; name?: unknown };
  return {
    ...(role === 'slave' && { role: "is 'slave', but a replica can't be written to; leave it out" }),
    ...((monitor === true || (typeof monitor === 'string' && monitor !== '')) && {
      monitor: 'is on, and such a connection takes no commands; leave it out',
    }),
    ...(typeof sentinels === 'string' && { sentinels: 'can not be named in a URL; give options of ioredis' }),
    ...(Array.isArray(sentinels) &&
      (typeof name !== 'string' || name === '') && {
        name: "must be the primary's name among the Sentinels",
      }),
    ...(Array.isArray(sentinels) &&
      sentinels.length === 0 && { sentinels: 'must name one Sentinel at least' }),
  };
}

function isConnection(value: unknown): value is FanOutQueueConnection {
  return typeof value === 'string'
    ? /^(rediss?|unix):\/\//.test(value) && URL.canParse(value)
    : typeof value === 'object' && value !== null;
}
