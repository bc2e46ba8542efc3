/** The environment variable of each option, by the option's path. */
export const VARIABLES = {
  appId: 'RTC_APP_ID',
  appKey: 'RTC_APP_KEY',
  from: 'RTC_FROM',
  region: 'RTC_REGION',
  endpoint: 'RTC_ENDPOINT',
  apiVersion: 'RTC_API_VERSION',
  timeoutMs: 'RTC_TIMEOUT_MS',
  deadlineMs: 'RTC_DEADLINE_MS',
  shutdownTimeoutMs: 'RTC_SHUTDOWN_TIMEOUT_MS',
  'retry.maxAttempts': 'RTC_RETRY_MAX_ATTEMPTS',
  onUnknown: 'RTC_ON_UNKNOWN',
  'quota.requestsPerSecond': 'RTC_QUOTA_RPS',
  'quota.costPer': 'RTC_QUOTA_COST_PER',
  'quota.roomMessagesPerSecond': 'RTC_QUOTA_ROOM_MPS',
  'quota.credit': 'RTC_QUOTA_CREDIT',
  'quota.reserve': 'RTC_QUOTA_RESERVE',
  'quota.maxQueue': 'RTC_QUOTA_MAX_QUEUE',
  'quota.scope': 'RTC_QUOTA_SCOPE',
  telemetry: 'RTC_TELEMETRY',
  allowInsecureEndpoint: 'RTC_ALLOW_INSECURE_ENDPOINT',
  'credentials.accessKeyId': 'VOLCENGINE_ACCESS_KEY',
  'credentials.secretAccessKey': 'VOLCENGINE_SECRET_KEY',
  'credentials.sessionToken': 'VOLCENGINE_SESSION_TOKEN',
  'http.maxSockets': 'RTC_HTTP_MAX_SOCKETS',
  'http.maxContentLength': 'RTC_HTTP_MAX_CONTENT_LENGTH',
} as const;

export type OptionPath = keyof typeof VARIABLES;

/** What is set in the environment, unchecked. An empty variable counts as one that is not set. */
export type Environment = { readonly [Path in OptionPath]?: string };

/** Picks this module's variables, without its keys: what is printed holds no secret. */
export function readEnvironment(variables: Variables): Environment {
  return pick(variables, (path) => !isSecret(path));
}

/** The keys of the environment, for whoever keeps it where no one prints it. */
export function readSecrets(variables: Variables): Environment {
  return pick(variables, isSecret);
}

type Variables = Readonly<Record<string, string | undefined>>;

function isSecret(path: string): boolean {
  return path === 'appKey' || path.startsWith('credentials.');
}

function pick(variables: Variables, isWanted: (path: string) => boolean): Environment {
  const wanted = Object.entries(VARIABLES).filter(([path]) => isWanted(path));
  const environment = Object.create(null) as Record<string, string>;
  for (const [path, variable] of wanted) {
    // One that is not set is not to be had from a changed Object.prototype either.
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value) environment[path] = value;
  }
  return environment;
}
