import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { RtcCredentialsOption } from '../credentials/credentials.js';
import type { QuotaStore } from '../quota/quota-store.js';
import type { OnUnknown } from '../retry/send-call.js';

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
   * How many sockets the library's own agent opens at most: as many as there are requests under way at once, which is
   * the quota × the round trip. Default 256, `RTC_HTTP_MAX_SOCKETS`.
   */
  readonly maxSockets?: number | undefined;
  /** Longest response that is read, in bytes. Default 1,048,576, `RTC_HTTP_MAX_CONTENT_LENGTH`. */
  readonly maxContentLength?: number | undefined;
}

/** How often a message is sent again. */
export interface RtcRetryOptions {
  /**
   * How many attempts a call makes at most, 1–10. Beside these, a request may be signed again with the
   * service's time, and, once, with fresh credentials. Default 3. `RTC_RETRY_MAX_ATTEMPTS`
   */
  readonly maxAttempts?: number | undefined;
}

/**
 * How requests are held to the vendor's quota. Every attempt counts, of all modules of this process that use
 * the same access key at the same endpoint.
 */
export interface RtcQuotaOptions {
  /**
   * The vendor's limit in any second, for all messaging actions together: on requests, or with `costPer: 'recipient'`
   * on recipients. Default 500. `RTC_QUOTA_RPS`
   */
  readonly requestsPerSecond?: number | undefined;
  /**
   * What counts as one against the limit: each `request` (default), or each `recipient` of a request. The vendor's
   * pages differ. With `recipient`, fan-outs make requests of a twentieth of the limit, and a batch above the limit
   * takes all of a second. `RTC_QUOTA_COST_PER`
   * @see https://www.volcengine.com/docs/6348/142118
   */
  readonly costPer?: 'request' | 'recipient' | undefined;
  /**
   * A limit on the messages into any one room in a second, counted as `costPer` says. The vendor has one of 100 (80 in
   * rooms of 500 users and more) for what users send, and does not say whether a server's messages count. Default:
   * none. `RTC_QUOTA_ROOM_MPS`
   */
  readonly roomMessagesPerSecond?: number | undefined;
  /**
   * Whether a permit may be used again earlier than a second after its answer, by half of the least round trip of late:
   * on a long way, more of the quota is used for it. Without, the limit holds even if the way there becomes shorter
   * all at once. Default true. `RTC_QUOTA_CREDIT`
   */
  readonly credit?: boolean | undefined;
  /** How much of the limit is left to other programs that use the same account. Default 0. `RTC_QUOTA_RESERVE` */
  readonly reserve?: number | undefined;
  /**
   * How many single sends may wait for a permit; more are refused with an RtcQuotaError. Default 5,000, which
   * is ten seconds' worth. `RTC_QUOTA_MAX_QUEUE`
   */
  readonly maxQueue?: number | undefined;
  /**
   * Whether the limit holds for each `accessKey` with all of its apps (default, the safe side: the vendor's pages
   * differ), or for each `app`. `RTC_QUOTA_SCOPE`
   */
  readonly scope?: 'accessKey' | 'app' | undefined;
  /**
   * Where permits are kept that several processes share: `new RedisQuota({ … })` of `nestjs-rtc-messaging/redis`.
   * Default: in this process.
   */
  readonly store?: QuotaStore | undefined;
}

/**
 * What `RtcMessagingModule.forRoot()` takes. Each can be left to its environment variable; an option that is
 * given here wins. In a module with a `name`, `appId`, `from`, `region`, `endpoint` and `credentials` must not be
 * given as `undefined`: leave them out.
 */
export interface RtcMessagingOptions {
  /** The RTC app's ID, from the vendor's console. Required. `RTC_APP_ID` */
  readonly appId?: string | undefined;
  /** The RTC app's key, from the vendor's console: what `RtcTokenService` signs tokens with. `RTC_APP_KEY` */
  readonly appKey?: string | undefined;
  /**
   * The sender's user ID that clients see when a request names none: 1–128 of `a-z A-Z 0-9 @ . _ -`, the same
   * for all messages as the vendor advises, and not the ID of a real user. `RTC_FROM`
   */
  readonly from?: string | undefined;
  /**
   * The region that signs and, without an `endpoint`, names the host: `cn-north-1` (default), `ap-southeast-1` for
   * Volcengine in Singapore, or `ap-singapore-1` for BytePlus. `RTC_REGION`
   *
   * Volcengine's Go SDK calls Volcengine's Singapore host `ap-singapore-1`. If you come from there, take
   * `ap-southeast-1`, or `ap-singapore-1` with the `endpoint` `https://open-ap-singapore-1.volcengineapi.com`.
   */
  readonly region?: string | undefined;
  /** The service's origin (`https://host[:port]`), in place of the region's. `RTC_ENDPOINT` */
  readonly endpoint?: string | undefined;
  /** The API's version. Default `2023-07-20`. `RTC_API_VERSION` */
  readonly apiVersion?: string | undefined;
  /** How long one attempt may take, in milliseconds (1–600,000), response included. Default 5,000. `RTC_TIMEOUT_MS` */
  readonly timeoutMs?: number | undefined;
  /**
   * How long a call may take as a whole, in milliseconds (1–600,000): its attempts and the waits between them.
   * Default: three times `timeoutMs`. `RTC_DEADLINE_MS`
   */
  readonly deadlineMs?: number | undefined;
  /** Sending again after what proves that the message was not accepted. */
  readonly retry?: RtcRetryOptions | undefined;
  /**
   * What to do when nothing proves whether a message was accepted: `report` throws an error whose outcome is
   * `unknown`; `resend` sends it again, so that users may receive it twice. Default `report`. `RTC_ON_UNKNOWN`
   */
  readonly onUnknown?: OnUnknown | undefined;
  /** The vendor's limit on requests, and who shares it. */
  readonly quota?: RtcQuotaOptions | undefined;
  /**
   * How long calls that are under way may take from the moment when the app begins to close (`onModuleDestroy`), in
   * milliseconds (1–600,000); then they are broken off. Default 10,000. `RTC_SHUTDOWN_TIMEOUT_MS`
   */
  readonly shutdownTimeoutMs?: number | undefined;
  /**
   * Whether spans and metrics are made of calls, where `@opentelemetry/api` is installed. Default true.
   * `RTC_TELEMETRY`
   */
  readonly telemetry?: boolean | undefined;
  /**
   * Allows a plain `http:` endpoint on a host that is not loopback, where anyone on the way can read the
   * messages. Default false. `RTC_ALLOW_INSECURE_ENDPOINT`
   */
  readonly allowInsecureEndpoint?: boolean | undefined;
  /**
   * The access key, or where to get it.
   * `VOLCENGINE_ACCESS_KEY`, `VOLCENGINE_SECRET_KEY` and, for temporary keys, `VOLCENGINE_SESSION_TOKEN`
   */
  readonly credentials?: RtcCredentialsOption | undefined;
  /** The connection: agents, sockets, the size of answers. */
  readonly http?: RtcHttpOptions | undefined;
}

/** For `forRootAsync({ useClass })` and `{ useExisting }`. */
export interface RtcMessagingOptionsFactory {
  /** Called once, when the app boots. */
  createRtcMessagingOptions(): RtcMessagingOptions | Promise<RtcMessagingOptions>;
}
