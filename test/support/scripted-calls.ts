import type { ApiRequest } from '../../lib/openapi/api-request.js';
import type { RtcCredentials } from '../../lib/credentials/credentials.js';
import { redactCredentials } from '../../lib/credentials/credentials.js';
import type { Redacted } from '../../lib/privacy/redacted.js';
import type { RtcEvent } from '../../lib/diagnostics/rtc-event.js';
import type { AttemptEnd, AttemptResult } from '../../lib/openapi/http-attempt.js';
import type { AttemptPhase } from '../../lib/errors/attempt.js';
import type { CredentialsSource } from '../../lib/credentials/credentials-source.js';
import type { AttemptOptions } from '../../lib/openapi/open-api.client.js';
import { ServiceClockSkew } from '../../lib/openapi/service-clock-skew.js';
import type { LimiterHandle } from '../../lib/quota/limiter-registry.js';
import {
  type PermitRequest,
  RateLimiter,
  type RequestEnd,
  type RequestPermit,
} from '../../lib/quota/rate-limiter.js';
import { SINGLE_SEND } from '../../lib/retry/call-policy.js';
import { RetryBudget } from '../../lib/retry/retry-budget.js';
import type { CallPlan } from '../../lib/retry/call-policy.js';
import type { SendContext } from '../../lib/retry/send-call.js';

/** What an attempt comes to: at once, or when a test lets it. */
export type ScriptedAttempt =
  AttemptResult | ((options: AttemptOptions) => AttemptResult | Promise<AttemptResult>);

export const REQUEST_ID = '20260101000000ABC';

export function result(
  end: AttemptEnd,
  phase: AttemptPhase = 'done',
  more: Partial<AttemptResult> = {},
): AttemptResult {
  return {
    end,
    phase,
    startedAt: new Date('2026-01-02T03:04:05Z'),
    durationMs: 0,
    httpStatus: end.kind === 'answered' ? end.httpStatus : undefined,
    signedWith: { credentials: CREDENTIALS, clockOffsetMs: 0 },
    ...more,
  };
}

export const accepted = (requestId = REQUEST_ID): AttemptResult =>
  result({
    kind: 'answered',
    httpStatus: 200,
    reply: { kind: 'success', requestId },
    retryAfter: undefined,
    date: undefined,
  });

export const refused = (
  apiCode: string,
  httpStatus = 400,
  headers: { retryAfter?: string; date?: string } = {},
  more: Partial<AttemptResult> = {},
): AttemptResult =>
  result(
    {
      kind: 'answered',
      httpStatus,
      reply: { kind: 'error', apiCode, requestId: `${REQUEST_ID}-${apiCode}` },
      retryAfter: headers.retryAfter,
      date: headers.date,
    },
    'done',
    more,
  );

export const networkError = (failure: string, phase: AttemptPhase): AttemptResult =>
  result({ kind: 'network_error', failure }, phase);

export const CREDENTIALS = redactCredentials({ accessKeyId: 'key', secretAccessKey: 'secret' });

const FIRST: PermitRequest = { priority: 'single', permits: 1, recipients: 1, withinMs: 1 };

export const LIMITS: CallPlan = {
  timeoutMs: 5_000,
  deadlineMs: 15_000,
  maxAttempts: 3,
  onUnknown: 'report',
  policy: SINGLE_SEND,
  roomId: undefined,
  signal: undefined,
  stop: undefined,
  fanOut: undefined,
  beforeCall: undefined,
  beforeSend: undefined,
};

export const REQUEST: ApiRequest = {
  action: 'SendUnicast',
  version: '2023-07-20',
  method: 'POST',
  query: [],
  body: Buffer.from('{}'),
};

/** Everything that a call goes by, with attempts that come to what the script says; no network, no waits for chance. */
export class ScriptedCalls {
  readonly events: RtcEvent[] = [];
  /** What each attempt was made with. */
  readonly made: AttemptOptions[] = [];
  readonly bodies: Buffer[] = [];
  closed = false;
  released = false;
  /** Whether there are other credentials, when these are refused. */
  replace: (refused: Redacted<RtcCredentials>) => Promise<boolean> = () => Promise.resolve(false);
  credentials: CredentialsSource['get'] = () => CREDENTIALS;
  readonly clock = new ServiceClockSkew(() => Date.parse('2026-01-02T03:04:05Z'));
  limiter = new RateLimiter({ limit: 1_000_000, maxQueue: 1_000 });
  /** What was asked of the limiter, and how each permit came back. */
  readonly asked: PermitRequest[] = [];
  readonly ends: RequestEnd[] = [];
  readonly context: SendContext;

  constructor(
    readonly script: ScriptedAttempt[],
    budget = new RetryBudget(),
    random: () => number = () => 0,
  ) {
    // As in a process that has sent before: until something is accepted, few requests are in flight.
    (this.limiter.enter(FIRST) as RequestPermit).giveBack('accepted');
    const client = {
      attempt: ({ body }: ApiRequest, options: AttemptOptions) => this.#attempt(body, options),
      close: () => {
        this.closed = true;
      },
    };
    this.context = {
      module: 'default',
      client,
      apiVersion: '2023-07-20',
      anyAction: { client, budget },
      clock: this.clock,
      credentials: {
        get: () => this.credentials(),
        replace: (given) => this.replace(given),
        status: { state: 'fixed' },
      },
      budget,
      limiters: {
        limiterFor: () => this.#watched(),
        costOf: () => 1,
        usage: { ...this.limiter.usage, limit: 1_000_000, costPer: 'request' },
        release: () => {
          this.released = true;
        },
      } as unknown as LimiterHandle,
      emit: (event) => void this.events.push(event),
      within: (_call, work) => work(),
      random,
    };
  }

  #watched(): Pick<RateLimiter, 'enter' | 'roundTripMs'> {
    const watch = (permit: RequestPermit): RequestPermit => ({
      isValid: () => true,
      giveBack: (end) => {
        this.ends.push(end);
        permit.giveBack(end);
      },
    });
    return {
      roundTripMs: this.limiter.roundTripMs,
      enter: (request) => {
        this.asked.push(request);
        const entered = this.limiter.enter(request);
        return 'granted' in entered ? { ...entered, granted: entered.granted.then(watch) } : watch(entered);
      },
    };
  }

  async #attempt(body: Buffer, options: AttemptOptions): Promise<AttemptResult> {
    this.made.push(options);
    this.bodies.push(body);
    const next = this.script.shift() ?? accepted();
    return typeof next === 'function' ? next(options) : next;
  }
}
