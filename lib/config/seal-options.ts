import { isCredentialsProvider } from '../credentials/ask-provider.js';
import type { RtcCredentials } from '../credentials/credentials.js';
import { SealedCredentials } from '../credentials/sealed-credentials.js';

/** A copy of the options whose static credentials don't show their secrets when the options are printed. */
export function sealOptions(options: unknown): unknown {
  const credentials = (options as { credentials?: unknown } | null | undefined)?.credentials;
  if (typeof credentials !== 'object' || credentials === null || isCredentialsProvider(credentials)) {
    return options;
  }
  return { ...(options as object), credentials: new SealedCredentials(credentials as RtcCredentials) };
}
