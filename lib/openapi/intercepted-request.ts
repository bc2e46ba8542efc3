import { isUint8Array } from 'node:util/types';
import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { type ApiRequest, isReservedName } from './api-request.js';
import type { HttpAttempt, Signing } from './http-attempt.js';
import { type HttpClient, reading } from './http-client.js';
import { sendOverNodeHttp } from './node-http.adapter.js';
import type { RequestSigner } from './request-signer.js';
import { canonicalQuery } from './signature-v4.js';

/** An answer with the values that were sent, as JSON. */
export interface AnsweredRequest extends Pick<AxiosResponse<Buffer>, 'status' | 'data' | 'headers'> {
  readonly authorization: string;
  readonly sent: Buffer;
}

/**
 * An interceptor has changed the action, the method or the origin. The limit and the retries were chosen for the
 * original request.
 */
class ChangedRequestError extends Error {
  override readonly name = 'ChangedRequestError';
}

/** Headers that the library sets itself, or that would make Node send the body in another way. */
const OWN_HEADERS =
  /^(authorization|host|x-date|x-content-sha256|x-security-token|content-length|transfer-encoding|connection|expect|upgrade)$/i;

/**
 * Sends a request that the app's interceptors may change. It is signed after them, on copies that they never see. So
 * they see neither the key nor the signature, and interceptors that are kept, ejected or replaced can't sign anything.
 */
export async function sendIntercepted(
  { axios, transport }: HttpClient,
  signer: RequestSigner,
  { url, ...request }: ApiRequest & { readonly url: string },
  attempt: HttpAttempt,
  { credentials, clockOffsetMs }: Signing,
): Promise<AnsweredRequest> {
  let answer: Promise<AnsweredRequest> | undefined;
  let isOver = false;
  const send = async (config: InternalAxiosRequestConfig): Promise<AnsweredRequest> => {
    if (isOver) throw new Error();
    const body = bytesOf(config.data);
    const headers = new AxiosHeaders(config.headers);
    for (const name of Object.keys(headers)) if (OWN_HEADERS.test(name)) headers.delete(name);
    const target = new URL(axios.getUri(config));
    requireSame(request, config.method, target, body);
    const contentType = String(headers.getContentType() ?? 'application/json');
    const { method } = request;
    const signed = signer.sign(
      { method, url: target.href, contentType, body },
      credentials.open(),
      clockOffsetMs,
    );
    headers.set(signed.headers);
    const answered = await sendOverNodeHttp(
      { method, headers, data: body, target: signed.target },
      attempt,
      reading(transport, request.maxContentLength),
    );
    const authorization = signed.headers['Authorization'] ?? '';
    return { ...answered, authorization, sent: valuesOf(target.searchParams, body) };
  };
  const passed = axios.request({
    method: request.method,
    url,
    data: request.body.length === 0 ? undefined : JSON.parse(request.body.toString()),
    headers: { 'Content-Type': 'application/json' },
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

function requireSame(
  { action, version, method }: ApiRequestHead,
  givenMethod: string | undefined,
  { pathname, searchParams }: URL,
  body: Buffer,
): void {
  const reserved = [...searchParams].filter(([name]) => isReservedName(name));
  const isSame =
    givenMethod?.toUpperCase() === method &&
    pathname === '/' &&
    canonicalQuery(reserved) ===
      canonicalQuery([
        ['Action', action],
        ['Version', version],
      ]) &&
    (method === 'POST' || body.length === 0);
  if (!isSame) throw new ChangedRequestError();
}

type ApiRequestHead = Pick<ApiRequest, 'action' | 'version' | 'method'>;

/** A copy, since what is signed must be what is sent. */
function bytesOf(data: unknown): Buffer {
  if (data === undefined || data === null) return Buffer.alloc(0);
  if (typeof data === 'string' || isUint8Array(data)) return Buffer.from(data);
  return Buffer.from(JSON.stringify(data) ?? '');
}

function valuesOf(query: URLSearchParams, body: Buffer): Buffer {
  const values = [...query].filter(([name]) => !isReservedName(name)).map(([, value]) => value);
  let content: unknown = body.toString();
  try {
    content = JSON.parse(String(content));
  } catch {
    // An interceptor may send anything.
  }
  return Buffer.from(JSON.stringify({ values, content }));
}
