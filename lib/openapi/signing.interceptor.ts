import type { AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';
import type { Signing } from './attempt-result.js';
import { ALGORITHM, sha256Hex, signText } from './signature-v4.js';
import { SigningKeyCache } from './signing-key-cache.js';
import { SigningStamps } from './signing-stamps.js';
import { SigningTemplate } from './signing-template.js';

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

/** A client calls a handful of URLs. */
const MAX_TEMPLATES = 32;

/**
 * Makes an Axios request interceptor that signs. It must be the first that is added, since Axios runs
 * request interceptors last to first: what the others change is then signed too.
 *
 * The query is put into its canonical form and the body must be a Buffer already, so that what is signed is,
 * byte for byte, what is sent: Axios would trim and re-quote a string, and send all of a view's memory.
 */
export function createSigningInterceptor({ region, service, now = Date.now }: SigningContext) {
  const stamps = new SigningStamps(region, service);
  const signingKeys = new SigningKeyCache();
  // By URL.
  const templates = new Map<string, SigningTemplate>();

  const templateFor = (config: InternalAxiosRequestConfig, hasToken: boolean): SigningTemplate => {
    const { method = 'GET', url = '' } = config;
    // In the spelling in which Axios writes it: to look for all others takes as long as to set all headers.
    const contentType = config.headers['Content-Type']?.toString() ?? 'application/json';
    const known = templates.get(url);
    if (known?.fits(method, contentType, hasToken)) return known;
    const template = new SigningTemplate({ method, url: new URL(url), contentType, hasToken });
    if (templates.size >= MAX_TEMPLATES) templates.clear();
    templates.set(url, template);
    return template;
  };

  return (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
    if (!Buffer.isBuffer(config.data)) throw new TypeError('Only a Buffer can be signed and sent unchanged.');
    const { credentials, clockOffsetMs } = (config as unknown as SignableConfig).signing;
    const { accessKeyId, secretAccessKey, sessionToken } = credentials.open();
    const template = templateFor(config, sessionToken !== undefined);

    const { xDate, scope, scopeText } = stamps.at(now() + clockOffsetMs);
    const bodySha256 = sha256Hex(config.data);
    const signature = signText(
      template.canonicalRequest(bodySha256, xDate, sessionToken),
      xDate,
      scopeText,
      signingKeys.get(secretAccessKey, scope, scopeText),
    );

    config.url = template.url;
    // One by one, since Axios's own way looks at each header there is for each that is set.
    const { headers } = config;
    headers['Content-Type'] = template.contentType;
    headers['Host'] = template.host;
    headers['X-Content-Sha256'] = bodySha256;
    headers['X-Date'] = xDate;
    if (sessionToken !== undefined) headers['X-Security-Token'] = sessionToken;
    headers['Authorization'] =
      `${ALGORITHM} Credential=${accessKeyId}/${scopeText}, SignedHeaders=${template.signedHeaders}, Signature=${signature}`;
    return config;
  };
}
