import { providerOf, type RtcCredentials, type RtcCredentialsOption } from '../credentials/credentials.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { type Environment, readOptions } from '../options/read-options.js';
import { isInsecure, isLoopback } from './endpoint.js';
import { MODULE_OPTIONS, variables } from './module-option-table.js';
import { DEFAULT_MODULE_NAME, type Registration } from './registration.js';
import { REGION_HOSTS } from './regions.js';
import type { RtcMessagingSettings } from './settings.js';

/** Such an option is meant to have a value, and the variable may belong to another account. */
const UNDEFINED =
  'is undefined. A module with a name needs a value here; leave the option out if the environment, ' +
  'which all modules share, is to give it';

const WITH_SENDER = { ...MODULE_OPTIONS, from: { ...MODULE_OPTIONS.from, required: true } } as const;

/**
 * Merges the options over the environment over the defaults.
 * @param given the app's options, of any type
 * @param registration the module's requirements and its own problems
 * @throws RtcConfigError listing every problem
 */
export function resolveSettings(
  given: unknown,
  environment: Environment,
  { name, needsFrom, problems: own = [] }: Registration = { name: undefined },
): RtcMessagingSettings {
  const { values, problems } = readOptions(needsFrom ? WITH_SENDER : MODULE_OPTIONS, given, '', {
    environment,
    noUndefined: name === undefined ? undefined : UNDEFINED,
  });
  const { allowInsecureEndpoint, endpoint, ...settings } = values;
  const { credentials, quota, region } = settings;
  const isRight = (...options: readonly string[]): boolean =>
    !problems.some(({ option }) => options.includes(option));
  const reject = (option: string, message: string): void =>
    void problems.push({ option, variable: variables()[option], message });

  if (endpoint !== undefined && !allowInsecureEndpoint && isInsecure(endpoint)) {
    reject(
      'endpoint',
      'is plain http: to a host that is not this machine; use https:, or set allowInsecureEndpoint ' +
        '(RTC_ALLOW_INSECURE_ENDPOINT) if the way there is private',
    );
  }
  const host = REGION_HOSTS.get(region);
  if (endpoint === undefined && host === undefined && isRight('region', 'endpoint')) {
    const known = [...REGION_HOSTS.keys()].join(', ');
    reject('region', `has no known host (known: ${known}); set endpoint (RTC_ENDPOINT) as well`);
  }
  if (quota.reserve >= quota.requestsPerSecond) {
    reject('quota.reserve', `must leave something of the ${quota.requestsPerSecond} requests a second`);
  }
  const store = quota.store?.open();
  if (store !== undefined && store.account === undefined && !hasLastingKey(credentials?.open())) {
    reject(
      'quota.store',
      "needs an account (RedisQuota's option: any name of the account that its processes agree on), since " +
        'the access keys of a provider differ from process to process',
    );
  }
  problems.push(...own);
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return {
    ...settings,
    name: name ?? DEFAULT_MODULE_NAME,
    endpoint: endpoint ?? `https://${host}`,
    isEndpointGiven: endpoint !== undefined,
  };
}

/** Whether all processes have the same access key. Keys of a provider and temporary keys differ. */
function hasLastingKey(credentials: RtcCredentialsOption | undefined): boolean {
  // Missing credentials are reported elsewhere.
  if (credentials === undefined) return true;
  return providerOf(credentials) === undefined && (credentials as RtcCredentials).sessionToken === undefined;
}

/** Settings to boot with where there are none: whatever is sent is refused with what is wrong, and nothing leaves. */
export function unusableSettings(error: RtcConfigError, name: string | undefined): RtcMessagingSettings {
  const credentials = { accessKeyId: 'unconfigured', secretAccessKey: 'unconfigured' };
  const stub = { appId: 'unconfigured', from: 'unconfigured', telemetry: false, credentials };
  return { ...resolveSettings(stub, {}, { name }), credentials: error };
}

/** Where messages will go, and as whose: for the log, when the app boots. */
export function describeSettings({
  appId,
  endpoint,
  from,
  region,
}: Pick<RtcMessagingSettings, 'appId' | 'endpoint' | 'from' | 'region'>): string {
  const { host, hostname } = new URL(endpoint);
  const emulator = isLoopback(hostname) ? ', on this machine: an emulator, unless a proxy listens there' : '';
  const sender = from === undefined ? 'with no default sender' : `from ${from}`;
  return `Messages go to ${host} (region ${region}${emulator}) as app ${appId}, ${sender}.`;
}
