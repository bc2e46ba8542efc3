/** What an operator can do about an error of Redis, by the beginning of its message. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH)/, 'refuses the user name or password; check them'],
  [
    /^NOPERM/,
    "does not allow this user what is needed; allow it +evalsha +eval +time +info +del +pexpire +pttl +@hash +@sortedset, and the library's keys",
  ],
  [
    /READONLY You can't write/,
    'is a read-only replica; connect to the primary, or by Sentinel or Cluster options',
  ],
  [
    /OOM command not allowed/,
    'is out of memory; raise its maxmemory, or give the library a Redis of its own',
  ],
  [/^MISCONF/, 'does not write, since it could not save to its disk; see its log'],
  [/^(MOVED|CROSSSLOT|ASK)\b/, 'is a Cluster; connect with { nodes: […] } or a Cluster client'],
  [/^WRONGTYPE/, "holds something else under the library's key; choose another keyPrefix"],
  [
    /Write commands not allowed after non deterministic commands|unknown command .?(eval|evalsha|time)\b/i,
    'lacks what is needed: Redis 5 or later, or Valkey, with EVAL, EVALSHA and TIME',
  ],
];

/**
 * Describes a failure of Redis in a sentence without its full stop. Messages are not quoted: they may hold arguments,
 * and the error of a refused password has the password among its properties.
 */
export function describeFailure(error: unknown, connectionError?: unknown): string {
  for (const message of [messageOf(error), messageOf(connectionError)]) {
    const advice = ADVICE.find(([pattern]) => pattern.test(message));
    if (advice !== undefined) return `Redis ${advice[1]}${wordOf(message)}`;
  }
  const { code, name } = (connectionError ?? error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^[A-Z_0-9]{2,40}$/.test(code)) return `Redis can't be reached (${code})`;
  return name === 'ReplyError' ? `Redis refuses${wordOf(messageOf(error))}` : "Redis can't be reached";
}

function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | undefined)?.message;
  if (typeof message !== 'string') return '';
  // Some versions add a prefix to errors inside a script.
  return message.replace(/^(ERR )?Error running script[^:]*:[^:]*:\d+: *(-|@user_script[^:]*: *\d+: *)?/, '');
}

/** The word with which an error's message begins. */
function wordOf(message: string): string {
  const word = /^(?!ERR\b)[A-Z]{2,20}\b/.exec(message)?.[0];
  return word === undefined ? '' : ` (${word})`;
}
