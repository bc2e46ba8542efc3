import type { RtcCredentials } from '../credentials/credentials.js';
import { isCredentialsProvider } from '../credentials/ask-provider.js';
import { SealedCredentials } from '../credentials/sealed-credentials.js';
import { Sealed } from './sealed.js';

/**
 * A copy of the options that shows no secret when it is printed: neither static credentials nor what a provider
 * keeps in its fields, nor the requests that an agent's sockets are sending, nor a store's connection.
 */
export function sealOptions(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { credentials, http, quota } = options as { credentials?: unknown; http?: unknown; quota?: unknown };
  return {
    ...options,
    ...(isObject(credentials) && {
      credentials: isCredentialsProvider(credentials)
        ? new Sealed(credentials)
        : new SealedCredentials(credentials as RtcCredentials),
    }),
    ...(isObject(http) && { http: sealObjects(http) }),
    ...(isObject(quota) && { quota: sealObjects(quota) }),
  };
}

function sealObjects(options: object): object {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, isObject(value) ? new Sealed(value) : value]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
