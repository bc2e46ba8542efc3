import type { AxiosResponse } from 'axios';
import type { CredentialsSource } from '../credentials/credentials-source.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { readReply, withholdEchoes } from './api-reply.js';
import type { AttemptEnd, AttemptResult } from './attempt-result.js';
import { HttpAttempt } from './http-attempt.js';
import type { HttpClient } from './http-client.js';
import { sendOverNodeHttp, TransportError } from './node-http.adapter.js';
import type { RtcActionName } from './rtc-action.js';
import type { SignableConfig } from './signing.interceptor.js';

/** One attempt's share of what a call may use. */
export interface AttemptOptions {
  /** For the whole of it, in milliseconds, the response's body included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** How far the service's clock is taken to be ahead of this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
}

/**
 * Makes one signed request and says what was seen of it. It never throws: an Axios error must not leave, since
 * it carries the `Authorization` header and the body.
 */
export class OpenApiClient {
  // Private to the language: whoever prints the client must not print the requests of its sockets.
  readonly #http: HttpClient;
  readonly #credentials: CredentialsSource;
  readonly #apiVersion: string;

  constructor(http: HttpClient, credentials: CredentialsSource, apiVersion: string) {
    this.#http = http;
    this.#credentials = credentials;
    this.#apiVersion = apiVersion;
  }

  /**
   * Whose access key signs the next request, or how the attempt ended when that could not be found out.
   * Never rejects.
   */
  async identify({
    timeoutMs,
    signal,
  }: Omit<AttemptOptions, 'clockOffsetMs'>): Promise<string | AttemptResult> {
    const attempt = new HttpAttempt(timeoutMs, signal);
    try {
      const { accessKeyId } = await attempt.guard(Promise.resolve(this.#credentials.get()));
      return accessKeyId;
    } catch (error) {
      return attempt.result(endOf(attempt, error));
    } finally {
      attempt.dispose();
    }
  }

  /** @param body the exact bytes to send */
  async attempt(action: RtcActionName, body: Buffer, options: AttemptOptions): Promise<AttemptResult> {
    const attempt = new HttpAttempt(options.timeoutMs, options.signal);
    try {
      return attempt.result(await this.#send(attempt, action, body, options.clockOffsetMs));
    } catch (error) {
      return attempt.result(endOf(attempt, error));
    } finally {
      attempt.dispose();
    }
  }

  /** Closes the sockets. */
  close(): void {
    this.#http.close();
  }

  async #send(
    attempt: HttpAttempt,
    action: RtcActionName,
    body: Buffer,
    clockOffsetMs: number,
  ): Promise<AttemptEnd> {
    const credentials = await attempt.guard(Promise.resolve(this.#credentials.get()));
    const signing = { credentials, clockOffsetMs };
    const request: SignableConfig = {
      method: 'POST',
      url: `/?Action=${action}&Version=${this.#apiVersion}`,
      data: body,
      signing,
      adapter: (config) => sendOverNodeHttp(config, attempt),
    };
    attempt.signedWith = signing;
    const { status, data, headers, config } = await attempt.guard(
      this.#http.axios.request<Buffer, AxiosResponse<Buffer>>(request),
    );
    return {
      kind: 'answered',
      httpStatus: status,
      reply: withholdEchoes(readReply(data), [
        body,
        String(config.headers.get('Authorization')),
        credentials.secretAccessKey,
        credentials.sessionToken ?? '',
      ]),
      retryAfter: headers['retry-after'] as string | undefined,
      date: headers['date'] as string | undefined,
    };
  }
}

function endOf({ interruption }: HttpAttempt, error: unknown): AttemptEnd {
  if (interruption !== undefined) return { kind: 'interrupted', by: interruption };
  if (error instanceof RtcConfigError) return { kind: 'unsigned', error };
  return { kind: 'broken', failure: error instanceof TransportError ? error.code : 'REQUEST_FAILED' };
}
