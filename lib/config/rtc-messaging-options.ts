import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { RtcCredentialsOption } from '../credentials/credentials.js';
import type { QuotaStore } from '../quota/quota-store.js';
import type { OnUnknown } from '../retry/call-policy.js';

/** The connection's settings. */
export interface RtcHttpOptions {
  /**
   * The agent for `https:` endpoints, in place of the library's own: for a proxy or a private certificate
   * authority. The app closes it.
   */
  readonly httpsAgent?: HttpsAgent | undefined;
  /** The agent for plain `http:` endpoints, in place of the library's own. The app closes it. */
  readonly httpAgent?: HttpAgent | undefined;
  /**
   * Largest number of sockets of the library's own agent. Requests in flight (the quota × the round trip) each need
   * one. Default 256, `RTC_HTTP_MAX_SOCKETS`.
   */
  readonly maxSockets?: number | undefined;
  /** Longest response that is read, in bytes. Default 1,048,576, `RTC_HTTP_MAX_CONTENT_LENGTH`. */
  readonly maxContentLength?: number | undefined;
}

/** How often a message is sent again. */
export interface RtcRetryOptions {
  /**
   * Largest number of attempts of a call, 1–10. In addition, a request may be signed again with the service's time and,
   * once, with new credentials. Default 3. `RTC_RETRY_MAX_ATTEMPTS`
   */
  readonly maxAttempts?: number | undefined;
}

/**
 * How requests are limited to the vendor's quota. Every attempt counts, for all modules of this process that use the
 * same access key at the same endpoint.
 */
export interface RtcQuotaOptions {
  /**
   * The vendor's limit in any second, for all messaging actions together. It counts requests, or recipients with
   * `costPer: 'recipient'`. Default 500. `RTC_QUOTA_RPS`
   */
  readonly requestsPerSecond?: number | undefined;
  /**
   * What counts against the limit: each `request` (default) or each `recipient`. The vendor's pages differ. With
   * `recipient`, fan-outs send chunks of a twentieth of the limit, and a batch above the limit takes a whole second's
   * permits. `RTC_QUOTA_COST_PER`
   * @see https://www.volcengine.com/docs/6348/142118
   */
  readonly costPer?: 'request' | 'recipient' | undefined;
  /**
   * Limit on the messages into each room in a second, counted as `costPer` says. The vendor limits what users send to
   * 100 (80 in rooms of 500 users and more), and does not say whether a server's messages count. Default: none.
   * `RTC_QUOTA_ROOM_MPS`
   */
  readonly roomMessagesPerSecond?: number | undefined;
  /**
   * Whether a permit is free earlier than one second after its answer, by half of the recent least round trip. Over a
   * long distance, this uses more of the quota. Without it, the limit holds even if the network suddenly becomes
   * faster. Default true. `RTC_QUOTA_CREDIT`
   */
  readonly credit?: boolean | undefined;
  /** Requests a second that are left to other programs with the same account. Default 0. `RTC_QUOTA_RESERVE` */
  readonly reserve?: number | undefined;
  /**
   * Largest number of single sends that wait for a permit. Further calls fail with an RtcQuotaError. Default 5,000, ten
   * seconds' worth. `RTC_QUOTA_MAX_QUEUE`
   */
  readonly maxQueue?: number | undefined;
  /**
   * Whether the limit applies to each `accessKey` with all of its apps (default), or to each `app`. The vendor's pages
   * differ, and the default is the safe choice. `RTC_QUOTA_SCOPE`
   */
  readonly scope?: 'accessKey' | 'app' | undefined;
  /**
   * Store for permits that several processes share: `new RedisQuota({ … })` of `nestjs-rtc-messaging/redis`. Default:
   * this process has its own permits.
   */
  readonly store?: QuotaStore | undefined;
}

/**
 * Options of `RtcMessagingModule.forRoot()`. Each has an environment variable, except `quota.store` and the agents of
 * `http`. An option that is set here wins. In a module with a `name`, don't set `appId`, `from`, `region`, `endpoint` or
 * `credentials` to `undefined`: leave them out.
 */
export interface RtcMessagingOptions {
  /** The RTC app's ID, from the vendor's console. Required. `RTC_APP_ID` */
  readonly appId?: string | undefined;
  /** The RTC app's key, from the vendor's console: what `RtcTokenService` signs tokens with. `RTC_APP_KEY` */
  readonly appKey?: string | undefined;
  /**
   * The sender's user ID that clients see if a request has no `from`: 1–128 of `a-z A-Z 0-9 @ . _ -`. The vendor
   * advises one ID for all messages. It must not be the ID of a real user. `RTC_FROM`
   */
  readonly from?: string | undefined;
  /**
   * The region of the signature and, without an `endpoint`, of the host: `cn-north-1` (default), `ap-southeast-1` for
   * Volcengine in Singapore, or `ap-singapore-1` for BytePlus. `RTC_REGION`
   *
   * Volcengine's Go SDK calls Volcengine's Singapore host `ap-singapore-1`. If you come from that SDK, set
   * `ap-southeast-1`, or `ap-singapore-1` with the `endpoint` `https://open-ap-singapore-1.volcengineapi.com`.
   */
  readonly region?: string | undefined;
  /** The service's origin (`https://host[:port]`), in place of the region's. `RTC_ENDPOINT` */
  readonly endpoint?: string | undefined;
  /** The API's version. Default `2023-07-20`. `RTC_API_VERSION` */
  readonly apiVersion?: string | undefined;
  /** Time limit of one attempt with its response, in milliseconds (1–600,000). Default 5,000. `RTC_TIMEOUT_MS` */
  readonly timeoutMs?: number | undefined;
  /**
   * Time limit of a whole call with its attempts and waits, in milliseconds (1–600,000). Default: three times
   * `timeoutMs`. `RTC_DEADLINE_MS`
   */
  readonly deadlineMs?: number | undefined;
  /** Safe retries, after attempts that were not accepted. */
  readonly retry?: RtcRetryOptions | undefined;
  /**
   * What to do about unknown outcomes. `report` throws an error whose outcome is `unknown`. `resend` sends the message
   * again, so users may receive it twice. Default `report`. `RTC_ON_UNKNOWN`
   */
  readonly onUnknown?: OnUnknown | undefined;
  /** The vendor's quota, and how it is shared. */
  readonly quota?: RtcQuotaOptions | undefined;
  /**
   * Time limit for calls in flight after the app begins to close (`onModuleDestroy`), in milliseconds (1–600,000).
   * After it, they are aborted. Default 10,000. `RTC_SHUTDOWN_TIMEOUT_MS`
   */
  readonly shutdownTimeoutMs?: number | undefined;
  /** Whether calls emit spans and metrics if `@opentelemetry/api` is installed. Default true. `RTC_TELEMETRY` */
  readonly telemetry?: boolean | undefined;
  /**
   * Allows a plain `http:` endpoint on another machine, where anyone on the way can read the messages. Default false.
   * `RTC_ALLOW_INSECURE_ENDPOINT`
   */
  readonly allowInsecureEndpoint?: boolean | undefined;
  /**
   * The access key, or a provider. `VOLCENGINE_ACCESS_KEY`, `VOLCENGINE_SECRET_KEY` and, for temporary keys,
   * `VOLCENGINE_SESSION_TOKEN`
   */
  readonly credentials?: RtcCredentialsOption | undefined;
  /** Connection settings: agents, sockets, size of answers. */
  readonly http?: RtcHttpOptions | undefined;
}

/** For `forRootAsync({ useClass })` and `{ useExisting }`. */
export interface RtcMessagingOptionsFactory {
  /** Called once, when the app boots. */
  createRtcMessagingOptions(): RtcMessagingOptions | Promise<RtcMessagingOptions>;
}
