import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { meantBy, readOptions } from '../options/read-options.js';
import {
  hasMethods,
  isArray,
  must,
  printableName,
  type Rule,
  text,
  typeName,
  wrong,
} from '../options/rules.js';
import type { RedisTarget } from './open-client.js';

const USE_URL = 'is not an option of ioredis; give the URL as the connection';

type Given = Readonly<Record<string, unknown>>;

/** ioredis options that say where to connect. Without them, ioredis connects to this machine. */
const NAMES = ['host', 'port', 'path', 'username', 'password', 'db', 'tls', 'name', 'sentinels', 'nodes'];

/** A rule for Redis connections: a URL, options of ioredis, the nodes of a Cluster, or a client of ioredis. */
export const redisConnection: Rule<RedisTarget> = (given) => {
  if (isRedisUrl(given) || hasMethods(given, 'duplicate')) return { value: given as RedisTarget };
  if (typeof given !== 'object' || given === null || isArray(given)) {
    return wrong(
      'must be a redis:// or rediss:// URL (a password in it percent-encoded), options or a client of ioredis, ' +
        `or { nodes, options } of a Cluster, got ${typeName(given)}`,
    );
  }
  const { nodes } = given as Given;
  const { problems } = nodes === undefined ? problemsOfOne(given as Given) : readOptions(CLUSTER, given);
  return problems.length > 0 ? { problems } : { value: given };
};

const primary = text(/./, "must be the primary's name among the Sentinels");
const atLeastOne = must('a list of one at least', (given) => isArray(given) && given.length > 0);
const CLUSTER = {
  nodes: atLeastOne,
  options: must('options of ioredis', (given) => given instanceof Object),
};

function problemsOfOne(given: Given): { readonly problems: readonly ConfigProblem[] } {
  // ioredis's own default is null.
  const sentinels = given.sentinels ?? undefined;
  const name = sentinels === undefined ? undefined : (given.name ?? '');
  const read = readOptions({ sentinels: atLeastOne, name: primary }, { sentinels, name });
  const misspelt = Object.keys(given).flatMap((option) => {
    const meant = NAMES.includes(option) ? undefined : meantBy(option, NAMES);
    const problem = { option: printableName(option), message: `is not an option; did you mean ${meant}?` };
    return meant === undefined ? [] : [problem];
  });
  if ('url' in given) misspelt.push({ option: 'url', message: USE_URL });
  return { problems: [...read.problems, ...misspelt] };
}

function isRedisUrl(given: unknown): boolean {
  return typeof given === 'string' && /^(rediss?|unix):\/\//.test(given) && URL.canParse(given);
}
