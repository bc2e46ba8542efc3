import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { isPublishedErrorCode, type PublishedErrorCode } from '../openapi/published-errors.js';
import type { OptionTable } from '../options/option-table.js';
import { flag, must, type Rule, text, wholeNumber } from '../options/rules.js';
import { onceOver, tcpSocketOf } from './connection.js';
import type { Fault, FaultKind } from './fault.js';
import { JSON_TYPE, sendText } from './send-json.js';

/** An answer that is about to be sent. */
export interface Outgoing {
  readonly response: ServerResponse;
  readonly httpStatus: number;
  readonly text: string;
}

type Fields<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;

/** What a fault applies to; `listener`: at once, to all connections. */
export type Struck = 'request' | 'connection' | 'listener' | 'callback';

/** All that there is to say of one kind of fault. */
interface FaultRules<Kind extends FaultKind> {
  /** By default, requests. */
  readonly strikes?: Struck;
  /** Its fields, beside those of every rule. */
  readonly fields: OptionTable<Omit<Fields<Kind>, 'kind'>>;
  /** Whether the message is accepted all the same, unless `accept` says otherwise. */
  readonly accepts: boolean;
  /** Whether it sends the whole answer, which must not be a good one if the message was not accepted. */
  readonly sendsAll?: boolean;
  /** The status that is sent instead of the answer's, unless `httpStatus` says otherwise; none: nothing is sent. */
  readonly httpStatus?: number | 'none';
  /** What it does to the answer. */
  send?(answer: Outgoing, fault: Fields<Kind>): void;
}

const PAGE = '<html><head><title>Welcome</title></head><body>Nothing of the service here.</body></html>';
const DEFAULT_DRIP_MS = 50;
const SPACES = Buffer.alloc(65_536, ' ');

const required = <T>(rule: Rule<T>) => ({ rule, required: true }) as const;
const duration = wholeNumber(0, 600_000, 'milliseconds');
const pem = required(text(/./, 'must be a text'));
const seconds = wholeNumber(0, 1e9);
const retryAfter = must<number | string>(
  'seconds or a date',
  (value) => 'value' in seconds(value) || (typeof value === 'string' && /^[ -~]{1,64}$/.test(value)),
);
const mayAccept = { accept: flag };
const mayHaveStatus = { httpStatus: wholeNumber(200, 599, 'an HTTP status'), accept: flag };

/** A new kind is a line here, and its fields in `fault.ts`. */
export const FAULT_KINDS: { readonly [Kind in FaultKind]: FaultRules<Kind> } = {
  reset: { fields: mayAccept, accepts: false, httpStatus: 'none', send: reset },
  late: {
    fields: { delayMs: required(duration), ...mayAccept },
    accepts: true,
    sendsAll: true,
    send: sendLate,
  },
  drip: { fields: { intervalMs: duration, ...mayAccept }, accepts: true, sendsAll: true, send: drip },
  truncated: { fields: mayAccept, accepts: true, send: truncate },
  html: { fields: mayHaveStatus, accepts: false, httpStatus: 200, send: sendPage },
  empty: { fields: mayHaveStatus, accepts: false, httpStatus: 200, send: sendNothing },
  // With the answer's status, since it is the answer: that of the code, unless `httpStatus` says otherwise.
  error: {
    fields: {
      code: required(must<PublishedErrorCode>('one of the documented codes', isPublishedErrorCode)),
      retryAfter,
      ...mayHaveStatus,
    },
    accepts: false,
    send: sendRefusal,
  },
  redirect: {
    fields: { location: required(text(/^[\x21-\x7e]{1,2048}$/, 'must be a URL')), ...mayHaveStatus },
    accepts: false,
    httpStatus: 307,
    send: redirect,
  },
  oversized: {
    fields: { bytes: required(wholeNumber(1, 67_108_864, 'a number of bytes')), ...mayAccept },
    accepts: true,
    sendsAll: true,
    send: oversize,
  },
  close_after_answer: { fields: {}, accepts: true, send: sendAndClose },
  // At most a century.
  clock: { fields: { offsetMs: required(wholeNumber(-3.2e12, 3.2e12, 'milliseconds')) }, accepts: true },
  reset_connection: { strikes: 'connection', fields: {}, accepts: true },
  untrusted_certificate: { strikes: 'connection', fields: { key: pem, cert: pem }, accepts: true },
  refuse: { strikes: 'listener', fields: { forMs: required(duration) }, accepts: true },
  callback_lost: { strikes: 'callback', fields: {}, accepts: true },
  callback_late: { strikes: 'callback', fields: { delayMs: required(duration) }, accepts: true },
  callback_twice: { strikes: 'callback', fields: {}, accepts: true },
  callback_wrong_signature: { strikes: 'callback', fields: {}, accepts: true },
  callback_noce: { strikes: 'callback', fields: {}, accepts: true },
  callback_answer_lost: { strikes: 'callback', fields: {}, accepts: true },
};

/** Those of a kind that is not known by its name. */
export function rulesOf(kind: FaultKind): FaultRules<FaultKind> {
  return FAULT_KINDS[kind] as FaultRules<FaultKind>;
}

/** Whether a request that it befalls is accepted all the same. */
export function acceptsRequest(fault: Fault): boolean {
  return ('accept' in fault ? fault.accept : undefined) ?? FAULT_KINDS[fault.kind].accepts;
}

/**
 * Sends an answer, or what a fault makes of it.
 * @returns the status that is sent; undefined where none is
 */
export function transmit(answer: Outgoing, fault: Fault | undefined): number | undefined {
  const { httpStatus: instead, send } = fault === undefined ? {} : rulesOf(fault.kind);
  if (fault === undefined || send === undefined) {
    sendAnswer(answer);
    return answer.httpStatus;
  }
  const asked = instead !== undefined && 'httpStatus' in fault ? fault.httpStatus : undefined;
  const httpStatus = asked ?? (typeof instead === 'number' ? instead : answer.httpStatus);
  send({ ...answer, httpStatus }, fault);
  return instead === 'none' ? undefined : httpStatus;
}

function sendAnswer({ response, httpStatus, text }: Outgoing, headers?: Record<string, string>): void {
  sendText(response, httpStatus, text, headers);
}

function reset({ response }: Outgoing): void {
  tcpSocketOf(response.req.socket).resetAndDestroy();
}

function sendLate(answer: Outgoing, { delayMs }: Fields<'late'>): void {
  const timer = setTimeout(() => sendAnswer(answer), delayMs);
  onceOver(answer.response, () => clearTimeout(timer));
}

function drip(
  { response, httpStatus, text }: Outgoing,
  { intervalMs = DEFAULT_DRIP_MS }: Fields<'drip'>,
): void {
  const bytes = Buffer.from(text);
  response.writeHead(httpStatus, { 'Content-Type': JSON_TYPE, 'Content-Length': bytes.length });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(bytes.subarray(sent - 1, sent));
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, intervalMs);
  onceOver(response, () => clearInterval(timer));
}

function truncate(answer: Outgoing): void {
  sendAnswer({ ...answer, text: answer.text.slice(0, answer.text.length / 2) });
}

function sendPage(answer: Outgoing): void {
  sendAnswer({ ...answer, text: PAGE }, { 'Content-Type': 'text/html' });
}

function sendNothing(answer: Outgoing): void {
  sendAnswer({ ...answer, text: '' });
}

function sendRefusal(answer: Outgoing, { retryAfter }: Fields<'error'>): void {
  sendAnswer(answer, retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) });
}

function redirect(answer: Outgoing, { location }: Fields<'redirect'>): void {
  sendAnswer({ ...answer, text: '' }, { Location: location });
}

/** Written as fast as it is read, and no faster: a client that reads nothing must not have it all wait here. */
function oversize({ response, httpStatus, text }: Outgoing, { bytes }: Fields<'oversized'>): void {
  const answer = Buffer.from(text);
  const padding = Math.max(0, bytes - answer.length);
  response.writeHead(httpStatus, { 'Content-Type': JSON_TYPE, 'Content-Length': answer.length + padding });
  pipeline(Readable.from(padded(answer, padding)), response, () => {
    // A client may well hang up in between.
  });
}

function* padded(answer: Buffer, padding: number): Iterable<Buffer> {
  yield answer;
  for (let left = padding; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

function sendAndClose(answer: Outgoing): void {
  answer.response.on('finish', () => answer.response.socket?.end());
  sendAnswer(answer);
}
