import { isUint8Array } from 'node:util/types';
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';
import { type ApiRequest, createAxios, isReservedName, type RtcAxiosRef } from './api-request.js';
import type { HttpAttempt } from './http-attempt.js';
import { jsonBody } from './json-body.js';
import { canonicalQuery } from './signature-v4.js';

/** A request before it is signed. */
export interface OutgoingRequest extends Pick<ApiRequest, 'method' | 'body'> {
  readonly url: string;
  /** Beside those that the signer and the transport set. */
  readonly headers: InternalAxiosRequestConfig['headers'];
}

/**
 * An interceptor has changed the action, the method or the origin, or has made something of the body that can't be
 * sent. The limit and the retries were chosen for the original request.
 */
class ChangedRequestError extends Error {
  override readonly name = 'ChangedRequestError';
}

/** Headers that the library sets itself, or that would make Node send the body in another way. */
const OWN_HEADERS =
  /^(authorization|host|x-date|x-content-sha256|x-security-token|content-type|content-length|transfer-encoding|connection|keep-alive|te|trailer|expect|upgrade)$/i;

/**
 * Passes a request through an app's interceptors, as Axios does. Axios itself would then send what they have made of
 * it, by their own adapter or to their own proxy. They see neither the key nor the signature, which are added to a
 * copy.
 */
export async function intercept(
  { method, url, body, headers: own }: OutgoingRequest,
  { request: { handlers = [] } }: RtcAxiosRef['interceptors'],
  attempt: HttpAttempt,
): Promise<OutgoingRequest> {
  const data: unknown = body.length === 0 ? undefined : JSON.parse(body.toString());
  const unchanged = JSON.stringify(data);
  const given = { method: method.toLowerCase(), url, data, headers: own };
  let passed = Promise.resolve<InternalAxiosRequestConfig>(given);
  // What was added first runs last.
  for (const each of handlers.toReversed()) {
    if (each && each.runWhen?.(given) !== false) passed = passed.then(each.fulfilled, each.rejected);
  }
  const config = await attempt.guard(passed);
  const target = new URL(createAxios().getUri(config));
  const written = bytesOf(config.data ?? '');
  const isSame = headOf(config.method, target) === headOf(method, new URL(url)) && !config.signal?.aborted;
  if (!isSame || (method === 'GET' && written.length > 0)) throw new ChangedRequestError();
  // In the spelling of those that have a default in the transport.
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

/** A copy, since what is signed must be what is sent. */
function bytesOf(data: unknown): Buffer {
  if (typeof data === 'string' || isUint8Array(data)) return Buffer.from(data);
  const json = jsonBody(data);
  if ('problems' in json) throw new ChangedRequestError();
  return Buffer.from(json.value);
}
