import { isUint8Array } from 'node:util/types';
import { AxiosHeaders, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import { type ApiRequest, isReservedName } from './api-request.js';
import type { HttpAttempt } from './http-attempt.js';
import { type Axios, createAxios } from './http-client.js';
import { jsonBody } from './json-body.js';
import { canonicalQuery } from './signature-v4.js';

/** The part of an Axios instance that an app may use. */
export interface RtcAxiosRef {
  /** Request interceptors only. */
  readonly interceptors: Pick<AxiosInstance['interceptors'], 'request'>;
}

/** A request before it is signed. */
export interface OutgoingRequest extends Pick<ApiRequest, 'method' | 'body'> {
  readonly url: string;
  /** Beside those that the signer and the adapter set. */
  readonly headers?: InternalAxiosRequestConfig['headers'];
}

/**
 * An interceptor has changed the action, the method or the origin. The limit and the retries were chosen for the
 * original request.
 */
class ChangedRequestError extends Error {
  override readonly name = 'ChangedRequestError';
}

/** An interceptor has made something of the body that can't be sent. */
class UnsendableBodyError extends Error {
  override readonly name = 'UnsendableBodyError';
}

/** A class, since Axios would copy a plain object, without fields named `constructor`, `prototype` or `__proto__`. */
class BodyFields {}

/** Headers that the library sets itself, or that would make Node send the body in another way. */
const OWN_HEADERS =
  /^(authorization|host|x-date|x-content-sha256|x-security-token|content-type|content-length|transfer-encoding|connection|keep-alive|te|trailer|expect|upgrade)$/i;

/**
 * Passes a request through an app's interceptors. It is taken from the end of their chain, so that Axios itself sends
 * nothing, whatever they have made of the request's settings. They see neither the key nor the signature, which are
 * added to a copy.
 * @param intercepting an instance with the interceptors
 */
export async function intercept(
  intercepting: Axios,
  { method, url, body }: OutgoingRequest,
  attempt: HttpAttempt,
): Promise<OutgoingRequest> {
  const data = body.length === 0 ? undefined : bodyFields(body);
  const unchanged = JSON.stringify(data);
  const axios = createAxios();
  const chain = axios.interceptors.request;
  const passed = new Promise<InternalAxiosRequestConfig>((resolve, reject) => {
    // What is added first runs last.
    chain.use((changed) => {
      resolve(changed);
      throw new ChangedRequestError();
    });
    for (const each of intercepting.interceptors.request.handlers ?? [])
      if (each) chain.use(each.fulfilled, each.rejected, each);
    axios.request({ method, url, data }).catch(reject);
  });
  const config = await attempt.guard(passed);
  const target = new URL(axios.getUri(config));
  const written = bytesOf(config.data ?? '');
  const isSame = headOf(config.method, target) === headOf(method, new URL(url)) && !config.signal?.aborted;
  if (!isSame || (method === 'GET' && written.length > 0)) throw new ChangedRequestError();
  // In the spelling of those that have a default in the adapter.
  const headers = new AxiosHeaders(config.headers).normalize(true);
  headers.clear(OWN_HEADERS);
  // As it was given, to the digits of its numbers.
  return { method, url: target.href, headers, body: written.toString() === unchanged ? body : written };
}

/** The parts of a request that interceptors must not change. */
function headOf(method = '', { origin, pathname, searchParams }: URL): string {
  const reserved = [...searchParams].filter(([name]) => isReservedName(name));
  return `${method.toUpperCase()} ${origin}${pathname}?${canonicalQuery(reserved)}`;
}

function bodyFields(body: Buffer): object {
  return Object.setPrototypeOf(JSON.parse(body.toString()), BodyFields.prototype) as object;
}

/** A copy, since what is signed must be what is sent. */
function bytesOf(data: unknown): Buffer {
  if (typeof data === 'string' || isUint8Array(data)) return Buffer.from(data);
  const json = jsonBody(data);
  if ('problems' in json) throw new UnsendableBodyError();
  return Buffer.from(json.value);
}
