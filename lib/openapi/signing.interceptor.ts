import { AxiosHeaders, type AxiosRequestConfig, type InternalAxiosRequestConfig } from 'axios';
import type { HttpAttempt } from './http-attempt.js';
import { RequestSigner, type RequestTarget, type SigningContext } from './request-signer.js';

/** A request of an attempt, which knows what to sign it with. Axios passes unknown members on. */
export interface SignableConfig extends AxiosRequestConfig<Buffer> {
  readonly attempt: HttpAttempt;
  /** Where to send the request, set when it is signed. */
  target?: RequestTarget;
}

/** Headers that Node has read or the signing interceptor has written. Axios would normalise each of them again. */
export class CheckedHeaders extends AxiosHeaders {
  override normalize(): this {
    return this;
  }
}

/**
 * Makes an Axios request interceptor that signs. Add it before all others: Axios runs request interceptors last to
 * first, so this one signs the changes of the others too.
 *
 * The query is brought into canonical form, and the body must be a Buffer, so that the signed bytes are the sent bytes.
 * Axios would trim and re-quote a string, and send the whole memory of a view.
 */
export function createSigningInterceptor(context: SigningContext) {
  const signer = new RequestSigner(context);
  return (
    config: InternalAxiosRequestConfig & {
      readonly attempt?: Pick<HttpAttempt, 'signedWith'>;
      target?: RequestTarget;
    },
  ): InternalAxiosRequestConfig => {
    const { headers, method = 'GET', url = '', data: body, attempt } = config;
    if (!Buffer.isBuffer(body)) throw new TypeError('Only a Buffer can be signed and sent unchanged.');
    if (attempt?.signedWith === undefined) throw new TypeError('There is nothing to sign with.');
    // In Axios's own spelling. Searching for other spellings takes as long as setting all headers.
    const contentType = headers['Content-Type']?.toString() ?? 'application/json';
    const { credentials, clockOffsetMs } = attempt.signedWith;
    config.headers = Object.assign(new CheckedHeaders(), headers);
    const request = { method, url, contentType, body };
    ({ url: config.url, target: config.target } = signer.sign(
      request,
      credentials.open(),
      clockOffsetMs,
      config.headers,
    ));
    return config;
  };
}
