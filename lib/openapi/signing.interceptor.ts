import type { AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';
import type { Signing } from './attempt-result.js';
import {
  ALGORITHM,
  canonicalQuery,
  type CredentialScope,
  type NameValue,
  scopeText,
  sha256Hex,
  sign,
  toXDate,
} from './signature-v4.js';
import { SigningKeyCache } from './signing-key-cache.js';

/** What the interceptor signs for. */
export interface SigningContext {
  readonly region: string;
  readonly service: string;
  /** This machine's clock: milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A request that says what it is to be signed with; Axios hands on what it does not know. */
export interface SignableConfig extends AxiosRequestConfig<Buffer> {
  readonly signing: Signing;
}

/**
 * Makes an Axios request interceptor that signs. It must be the first that is added, since Axios runs
 * request interceptors last to first: what the others change is then signed too.
 *
 * The query is put into its canonical form and the body must be a Buffer already, so that what is signed is,
 * byte for byte, what is sent: Axios would trim and re-quote a string, and send all of a view's memory.
 */
export function createSigningInterceptor({ region, service, now = Date.now }: SigningContext) {
  const signingKeys = new SigningKeyCache();

  return (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
    if (!Buffer.isBuffer(config.data)) throw new TypeError('Only a Buffer can be signed and sent unchanged.');
    const { credentials, clockOffsetMs } = (config as unknown as SignableConfig).signing;

    const url = new URL(config.url ?? '/', config.baseURL);
    const query = canonicalQuery(url.searchParams);
    const xDate = toXDate(new Date(now() + clockOffsetMs));
    const scope: CredentialScope = { date: xDate.slice(0, 8), region, service };
    const bodySha256 = sha256Hex(config.data);

    const headers: NameValue[] = [
      ['Content-Type', config.headers.get('Content-Type')?.toString() ?? 'application/json'],
      ['Host', url.host],
      ['X-Content-Sha256', bodySha256],
      ['X-Date', xDate],
    ];
    if (credentials.sessionToken !== undefined) headers.push(['X-Security-Token', credentials.sessionToken]);

    const signature = sign(
      { method: (config.method ?? 'GET').toUpperCase(), path: url.pathname, query, headers, bodySha256 },
      xDate,
      scope,
      signingKeys.get(credentials.secretAccessKey, scope),
    );
    const signedHeaders = headers
      .map(([name]) => name.toLowerCase())
      .sort()
      .join(';');

    config.baseURL = url.origin;
    config.url = `${url.pathname}?${query}`;
    for (const [name, value] of headers) config.headers.set(name, value);
    config.headers.set(
      'Authorization',
      `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText(scope)}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    );
    return config;
  };
}
