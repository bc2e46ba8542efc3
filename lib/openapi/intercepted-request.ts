import { isUint8Array } from 'node:util/types';
import { AxiosHeaders, type AxiosInstance, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { type ApiRequest, isReservedName } from './api-request.js';
import type { HttpAttempt } from './http-attempt.js';
import type { Axios } from './http-client.js';
import { writeJson } from './json-body.js';
import type { SentSecrets } from './shown-answer.js';
import { canonicalQuery } from './signature-v4.js';

const JSON_TYPE = 'application/json';

/** The part of an Axios instance that an app may use. */
export interface RtcAxiosRef {
  /** Request interceptors only. */
  readonly interceptors: Pick<AxiosInstance['interceptors'], 'request'>;
}

/** A request before it is signed. */
export interface OutgoingRequest extends Pick<ApiRequest, 'method' | 'body'> {
  readonly url: string;
  /** Beside those that the signer and the adapter set. */
  readonly headers: InternalAxiosRequestConfig['headers'] | undefined;
}

/** An answer, with what was sent and must not be shown. */
export interface AnsweredRequest extends Pick<AxiosResponse<Buffer>, 'status' | 'data' | 'headers'> {
  readonly sent: Omit<SentSecrets, 'secretAccessKey' | 'sessionToken'>;
}

/**
 * An interceptor has changed the action, the method or the origin. The limit and the retries were chosen for the
 * original request.
 */
class ChangedRequestError extends Error {
  override readonly name = 'ChangedRequestError';
}

/**
 * The fields of a body, as interceptors get them. Axios would copy a plain object in depth, without fields named
 * `constructor`, `prototype` or `__proto__`.
 */
class BodyFields {}

/** Headers that the library sets itself, or that would make Node send the body in another way. */
const OWN_HEADERS =
  /^(authorization|host|x-date|x-content-sha256|x-security-token|content-length|transfer-encoding|connection|keep-alive|te|trailer|expect|upgrade)$/i;

/**
 * Sends a request that the app's interceptors may change. It is signed after them, on a copy that they never see. So
 * they see neither the key nor the signature, and interceptors that are kept, ejected or replaced can't sign anything.
 * @param axios the instance with the interceptors
 * @param sendSigned signs and sends what they have made of the request
 */
export async function sendIntercepted(
  axios: Axios,
  { url, ...request }: ApiRequest & { readonly url: string },
  attempt: HttpAttempt,
  sendSigned: (changed: OutgoingRequest) => Promise<AnsweredRequest>,
): Promise<AnsweredRequest> {
  let answer: Promise<AnsweredRequest> | undefined;
  let isOver = false;
  const fields = fieldsOf(request.body);
  const unchanged = fields && JSON.stringify(fields);
  const send = async (config: InternalAxiosRequestConfig): Promise<AnsweredRequest> => {
    if (isOver) throw new Error();
    const json = bytesOf(config.data);
    // As it was given, to the digits of its numbers.
    const body = json.toString() === unchanged ? request.body : json;
    const target = new URL(axios.getUri(config));
    const isSame = headOf(config.method, target) === headOf(request.method, new URL(url));
    if (!isSame || (request.method === 'GET' && body.length > 0)) throw new ChangedRequestError();
    return sendSigned({ method: request.method, url: target.href, headers: headersOf(config), body });
  };
  const passed = axios.request({
    method: request.method,
    url,
    data: fields,
    headers: { 'Content-Type': JSON_TYPE },
    // After the interceptors: where there is no content type, Axios would take a POST for a form.
    transformRequest: (data: unknown, headers) => {
      headers.setContentType(JSON_TYPE, false);
      return data;
    },
    // An interceptor may call it, too: an attempt is one request.
    adapter: async (config) => {
      await (answer ??= send(config));
      return { status: 200, statusText: '', headers: {}, data: undefined, config };
    },
  });
  try {
    await attempt.guard(passed);
  } catch (error) {
    if (answer === undefined || attempt.interruption !== undefined) throw error;
  } finally {
    isOver = true;
  }
  if (answer === undefined) throw new ChangedRequestError();
  return answer;
}

/** The headers that the signer and the adapter do not set, in the spelling of those that have a default there. */
function headersOf({ headers: given }: InternalAxiosRequestConfig): AxiosHeaders {
  const headers = new AxiosHeaders(given).normalize(true);
  headers.clear(OWN_HEADERS);
  for (const name of Object.keys(headers)) if (!headers[name]) headers.delete(name);
  return headers;
}

/** The parts of a request that interceptors must not change. */
function headOf(method = '', { origin, pathname, searchParams }: URL): string {
  const reserved = [...searchParams].filter(([name]) => isReservedName(name));
  return `${method.toUpperCase()} ${origin}${pathname}?${canonicalQuery(reserved)}`;
}

function fieldsOf(body: Buffer): BodyFields | undefined {
  if (body.length === 0) return undefined;
  return Object.setPrototypeOf(JSON.parse(body.toString()), BodyFields.prototype) as BodyFields;
}

/** A copy, since what is signed must be what is sent. */
function bytesOf(data: unknown): Buffer {
  if (data === undefined || data === null) return Buffer.alloc(0);
  return Buffer.from(typeof data === 'string' || isUint8Array(data) ? data : writeJson(data));
}
