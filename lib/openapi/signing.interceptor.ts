import { AxiosHeaders, type AxiosRequestConfig, type InternalAxiosRequestConfig } from 'axios';
import type { Signing } from './http-attempt.js';
import { RequestSigner, type RequestTarget, type SigningContext } from './request-signer.js';

/** A request that says what it is to be signed with; Axios hands on what it does not know. */
export interface SignableConfig extends AxiosRequestConfig<Buffer> {
  readonly signing: Signing;
  /** Where it is to be sent, once it is signed. */
  target?: RequestTarget;
}

/** As Node has read them, or the signing interceptor has written them: Axios would go over all of them again. */
export class CheckedHeaders extends AxiosHeaders {
  override normalize(): this {
    return this;
  }
}

/**
 * Makes an Axios request interceptor that signs. It must be the first that is added, since Axios runs
 * request interceptors last to first: what the others change is then signed too.
 *
 * The query is put into its canonical form and the body must be a Buffer already, so that what is signed is,
 * byte for byte, what is sent: Axios would trim and re-quote a string, and send all of a view's memory.
 */
export function createSigningInterceptor(context: SigningContext) {
  const signer = new RequestSigner(context);
  return (
    config: InternalAxiosRequestConfig & Partial<Pick<SignableConfig, 'signing' | 'target'>>,
  ): InternalAxiosRequestConfig => {
    const { headers, method = 'GET', url = '', data: body, signing } = config;
    if (!Buffer.isBuffer(body)) throw new TypeError('Only a Buffer can be signed and sent unchanged.');
    if (signing === undefined) throw new TypeError('There is nothing to sign with.');
    // In the spelling in which Axios writes it: to look for all others takes as long as to set all headers.
    const contentType = headers['Content-Type']?.toString() ?? 'application/json';
    const signed = signer.sign(
      { method, url, contentType, body },
      signing.credentials.open(),
      signing.clockOffsetMs,
    );
    config.url = signed.url;
    config.target = signed.target;
    config.headers = Object.assign(new CheckedHeaders(), headers, signed.headers);
    return config;
  };
}
