import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { meantBy, readOptions } from '../options/read-options.js';
import { hasMethods, isArray, must, printableName, type Rule, typeName, wrong } from '../options/rules.js';

type Given = Readonly<Record<string, unknown>>;

/** ioredis options that say where to connect. Without them, ioredis connects to this machine. */
const NAMES = ['host', 'port', 'path', 'username', 'password', 'db', 'tls', 'name', 'sentinels', 'nodes'];

/** A rule for Redis connections: a URL, options of ioredis, or the nodes of a Cluster. */
export const redisConnection =
  <T>(mayBeClient: boolean): Rule<T> =>
  (given) => {
    if (hasMethods(given, 'duplicate')) {
      return mayBeClient ? { value: given as T } : wrong('is a client of ioredis; give it as client');
    }
    if (isRedisUrl(given)) return { value: given as T };
    if (typeof given !== 'object' || given === null || isArray(given)) {
      const client = mayBeClient ? ' or a client' : '';
      return wrong(
        `must be a redis:// or rediss:// URL (a password in it percent-encoded), options${client} of ioredis, ` +
          `or { nodes, options } of a Cluster, got ${typeName(given)}`,
      );
    }
    const { nodes } = given as Given;
    const problems =
      nodes === undefined ? problemsOfOne(given as Given) : readOptions(CLUSTER, given).problems;
    return problems.length > 0 ? { problems } : { value: given as T };
  };

const atLeastOne = must('a list of one at least', (given) => isArray(given) && given.length > 0);
const CLUSTER = {
  nodes: atLeastOne,
  options: must('options of ioredis', (given) => given instanceof Object),
};

function problemsOfOne(given: Given): ConfigProblem[] {
  // ioredis's own default is null.
  const { name, url } = given;
  const sentinels = given.sentinels ?? undefined;
  const problems = readOptions({ sentinels: atLeastOne }, { sentinels }).problems;
  if (sentinels !== undefined && (typeof name !== 'string' || name === '')) {
    problems.push({ option: 'name', message: "must be the primary's name among the Sentinels" });
  }
  if (url !== undefined) {
    problems.push({ option: 'url', message: 'is not an option of ioredis; give the URL as the connection' });
  }
  for (const option of Object.keys(given)) {
    const meant = NAMES.includes(option) ? undefined : meantBy(option, NAMES);
    if (meant === undefined) continue;
    problems.push({
      option: printableName(option),
      message: `is not an option; did you mean ${meant}?`,
    });
  }
  return problems;
}

function isRedisUrl(given: unknown): boolean {
  return typeof given === 'string' && /^(rediss?|unix):\/\//.test(given) && URL.canParse(given);
}
