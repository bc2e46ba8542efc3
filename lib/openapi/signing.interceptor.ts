import type { InternalAxiosRequestConfig } from 'axios';
import type { HttpAttempt } from './http-attempt.js';
import { RequestSigner, type RequestTarget, type SigningContext } from './request-signer.js';

/** A request of an attempt, which knows what to sign it with. */
export interface SignableConfig extends InternalAxiosRequestConfig {
  readonly attempt?: Pick<HttpAttempt, 'signedWith'>;
}

/** A request that may be sent. */
export interface SignedConfig extends InternalAxiosRequestConfig<Buffer> {
  readonly method: string;
  readonly data: Buffer;
  /** Where to send the request. */
  readonly target: RequestTarget;
}

/**
 * Makes an Axios request interceptor that signs. It comes after all others, so that their changes are signed too.
 *
 * The query is brought into canonical form, and the body must be a Buffer, so that the signed bytes are the sent bytes.
 * Axios would trim and re-quote a string, and send the whole memory of a view.
 */
export function createSigningInterceptor(context: SigningContext) {
  const signer = new RequestSigner(context);
  return (config: SignableConfig): SignedConfig => {
    const { headers, method = 'GET', url: given = '', data: body, attempt } = config;
    if (!Buffer.isBuffer(body)) throw new TypeError('Only a Buffer can be signed and sent unchanged.');
    if (attempt?.signedWith === undefined) throw new TypeError('There is nothing to sign with.');
    // In Axios's own spelling. Searching for other spellings takes as long as setting all headers.
    const contentType = headers['Content-Type']?.toString() ?? 'application/json';
    const { credentials, clockOffsetMs } = attempt.signedWith;
    const request = { method, url: given, contentType, body };
    const { url, target } = signer.sign(request, credentials.open(), clockOffsetMs, headers);
    return Object.assign(config, { method, url, data: body, target });
  };
}
