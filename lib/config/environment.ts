/** The environment variable of each option, by the option's path. */
export const VARIABLES = {
  appId: 'RTC_APP_ID',
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

/** Picks this module's variables. They are getters, and the secrets not enumerable, so that no way of
 * printing shows those. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const environment = Object.create(null) as Environment;
  for (const [path, variable] of Object.entries(VARIABLES)) {
    const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (value === undefined || value === '') continue;
    const secret = path.startsWith('credentials.');
    Object.defineProperty(environment, path, { get: () => value, enumerable: !secret });
  }
  return environment;
}
