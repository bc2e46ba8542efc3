/** What an operator can do about an error of Redis's, by how its message begins. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/, 'refuses the user name or password; check them'],
  [
    /^NOPERM/,
    "does not allow this user what is needed; allow it +evalsha +eval +time +info +hmget +hmset +zadd +zrem +zremrangebyscore +zcard +zrange +pexpire, and the quota's keys",
  ],
  [
    /^READONLY|^(ERR |-)?.*READONLY You can't write/,
    'is a read-only replica; connect to the primary, or by Sentinel or Cluster options',
  ],
  [/OOM command not allowed/, 'is out of memory; raise its maxmemory, or give the quota a Redis of its own'],
  [/^MISCONF/, 'does not write, since it could not save to its disk; see its log'],
  [/^NOREPLICAS/, 'does not write without its replicas (min-replicas-to-write)'],
  [/^(MOVED|CROSSSLOT|ASK)\b/, 'is a Cluster; connect with { nodes: […] } or a Cluster client'],
  [/^CLUSTERDOWN/, 'is a Cluster that is down'],
  [/^LOADING/, 'is still loading its data'],
  [/^MASTERDOWN/, 'is a replica without its primary'],
  [/^BUSY\b/, 'is busy with another script'],
  [/^WRONGTYPE/, "holds something else under the quota's key; choose another keyPrefix"],
  [
    /Write commands not allowed after non deterministic commands|unknown command .?(eval|evalsha|time)\b/i,
    'lacks what is needed: Redis 5 or later, or Valkey, with EVAL, EVALSHA and TIME',
  ],
];

/**
 * Says what is wrong with Redis, as a sentence without its full stop. Messages are not quoted: they may hold
 * arguments, and the error of a refused password has it among its properties.
 */
export function describeFailure(error: unknown, connectionError?: Error): string {
  const found = find(error) ?? find(connectionError);
  if (found !== undefined) return `Redis ${found}`;
  const { code, name } = (connectionError ?? error) as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^[A-Z_0-9]{2,40}$/.test(code)) return `Redis can't be reached (${code})`;
  if (error === connectionError || connectionError !== undefined || !isReply(error)) {
    return "Redis can't be reached";
  }
  return `Redis refuses (${firstWord(error) ?? String(name)})`;
}

function find(error: unknown): string | undefined {
  const message = messageOf(error);
  const advice = ADVICE.find(([pattern]) => pattern.test(message));
  if (advice === undefined) return undefined;
  const word = firstWord(error);
  return word === undefined || word === 'ERR' ? advice[1] : `${advice[1]} (${word})`;
}

function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | undefined)?.message;
  if (typeof message !== 'string') return '';
  // Errors inside a script are told with a prefix by some versions.
  return message.replace(/^(ERR )?Error running script[^:]*:[^:]*:\d+: *(-|@user_script[^:]*: *\d+: *)?/, '');
}

function firstWord(error: unknown): string | undefined {
  return /^[A-Z]{2,20}\b/.exec(messageOf(error))?.[0];
}

function isReply(error: unknown): boolean {
  return (error as { name?: unknown } | undefined)?.name === 'ReplyError';
}
