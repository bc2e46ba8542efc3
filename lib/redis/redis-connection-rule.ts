import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { join } from '../options/option-table.js';
import { meantBy, readOptions } from '../options/read-options.js';
import { hasMethods, isArray, printableName, type Rule, typeName, wrong } from '../options/rules.js';

type Given = Readonly<Record<string, unknown>>;
type Reasons = Readonly<Record<string, (value: unknown, beside: Given) => string | undefined>>;

/** ioredis options that say where to connect. Without them, ioredis connects to this machine. */
const NAMES = ['host', 'port', 'path', 'username', 'password', 'db', 'tls', 'name', 'sentinels', 'nodes'];

const monitor = (value: unknown): string | undefined =>
  value === true || (typeof value === 'string' && value !== '')
    ? 'is on, and such a connection takes no commands; leave it out'
    : undefined;

/**
 * Reasons why an ioredis option makes a connection useless. Options that can be corrected are corrected when the
 * connection is made.
 */
const OF_ONE: Reasons = {
  url: (url) =>
    url === undefined ? undefined : 'is not an option of ioredis; give the URL as the connection',
  role: (role) =>
    role === 'slave' ? "is 'slave', but a replica can't be written to; leave it out" : undefined,
  monitor,
  sentinels: (sentinels) => {
    if (typeof sentinels === 'string') return 'can not be named in a URL; give options of ioredis';
    return isArray(sentinels) && sentinels.length === 0 ? 'must name one Sentinel at least' : undefined;
  },
  name: (name, { sentinels }) =>
    isArray(sentinels) && (typeof name !== 'string' || name === '')
      ? "must be the primary's name among the Sentinels"
      : undefined,
};

const OF_NODES: Reasons = {
  monitor,
  db: (db) =>
    Number(db ?? 0) === 0 ? undefined : 'must be 0, which is the only database of a Cluster; leave it out',
};

/** A rule for Redis connections: ioredis must accept it, and the connection must be usable. */
export const redisConnection =
  <T>(mayBeClient: boolean): Rule<T> =>
  (given) => {
    if (!mayBeClient && isClient(given)) return wrong('is a client of ioredis; give it as client');
    if (typeof given === 'string' ? !isRedisUrl(given) : !isObject(given)) {
      const client = mayBeClient ? ' or a client' : '';
      return wrong(
        `must be a redis:// or rediss:// URL (a password in it percent-encoded), options${client} of ioredis, ` +
          `or { nodes, options } of a Cluster, got ${typeName(given)}`,
      );
    }
    const problems = problemsOf(given as string | Given);
    return problems.length > 0 ? { problems } : { value: given as T };
  };

function problemsOf(given: string | Given): ConfigProblem[] {
  // A URL's query holds ioredis options.
  if (typeof given === 'string') return problemsIn(optionsOf(given), OF_ONE);
  const { nodes, options } = given;
  const { redisOptions } = isObject(options) ? options : {};
  const ofNodes = isObject(redisOptions) ? problemsIn(redisOptions, OF_NODES, 'options.redisOptions') : [];
  if (isClient(given)) return isObject(options) ? [...problemsIn(options, OF_ONE), ...ofNodes] : [];
  if (nodes === undefined) return problemsIn(given, OF_ONE);
  const list = isArray(nodes) && nodes.length > 0 ? nodes : undefined;
  return [
    ...readOptions({ nodes: anything, options: anything }, given).problems,
    ...(list === undefined ? [{ option: 'nodes', message: 'must name one node at least' }] : []),
    ...(list ?? []).flatMap((node: unknown, index) =>
      problemsIn(optionsOf(node), OF_NODES, `nodes[${index}]`),
    ),
    ...ofNodes,
  ];
}

function problemsIn(given: Given, reasons: Reasons, path = ''): ConfigProblem[] {
  const problems = [
    ...Object.entries(reasons).map(([name, reasonOf]) => [name, reasonOf(given[name], given)]),
    ...Object.keys(given).map((name) => {
      const meant = NAMES.includes(name) ? undefined : meantBy(name, NAMES);
      return [name, meant === undefined ? undefined : `is not an option; did you mean ${meant}?`];
    }),
  ];
  return problems.flatMap(([name = '', message]) =>
    message === undefined ? [] : [{ option: join(path, printableName(name)), message }],
  );
}

/** The options of a node or of a URL. */
function optionsOf(given: unknown): Given {
  if (typeof given !== 'string') return isObject(given) ? given : {};
  if (!isRedisUrl(given)) return {};
  const { pathname, protocol, searchParams } = new URL(given);
  const db = protocol === 'unix:' ? '' : pathname.slice(1);
  return { ...Object.fromEntries(searchParams), ...(db !== '' && { db }) };
}

const anything: Rule<unknown> = (value) => ({ value });

function isRedisUrl(given: string): boolean {
  return /^(rediss?|unix):\/\//.test(given) && URL.canParse(given);
}

function isClient(given: unknown): boolean {
  return hasMethods(given, 'duplicate');
}

function isObject(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !isArray(value);
}
