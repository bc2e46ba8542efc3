import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
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
  /** Fields that it must have and may have, beside those of every rule. */
  readonly must?: readonly string[];
  readonly may?: readonly string[];
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
const ANY_STATUS = ['httpStatus', 'accept'];

/** A new kind is a line here, its fields in `fault.ts`, and a check for those that no other kind has. */
export const FAULT_KINDS: { readonly [Kind in FaultKind]: FaultRules<Kind> } = {
  reset: { may: ['accept'], accepts: false, httpStatus: 'none', send: reset },
  late: { must: ['delayMs'], may: ['accept'], accepts: true, sendsAll: true, send: sendLate },
  drip: { may: ['intervalMs', 'accept'], accepts: true, sendsAll: true, send: drip },
  truncated: { may: ['accept'], accepts: true, send: truncate },
  html: { may: ANY_STATUS, accepts: false, httpStatus: 200, send: sendPage },
  empty: { may: ANY_STATUS, accepts: false, httpStatus: 200, send: sendNothing },
  // With the answer's status, since it is the answer: that of the code, unless `httpStatus` says otherwise.
  error: { must: ['code'], may: ['retryAfter', ...ANY_STATUS], accepts: false, send: sendRefusal },
  redirect: { must: ['location'], may: ANY_STATUS, accepts: false, httpStatus: 307, send: redirect },
  oversized: { must: ['bytes'], may: ['accept'], accepts: true, sendsAll: true, send: oversize },
  close_after_answer: { accepts: true, send: sendAndClose },
  clock: { must: ['offsetMs'], accepts: true },
  reset_connection: { strikes: 'connection', accepts: true },
  untrusted_certificate: { strikes: 'connection', must: ['key', 'cert'], accepts: true },
  refuse: { strikes: 'listener', must: ['forMs'], accepts: true },
  callback_lost: { strikes: 'callback', accepts: true },
  callback_late: { strikes: 'callback', must: ['delayMs'], accepts: true },
  callback_twice: { strikes: 'callback', accepts: true },
  callback_wrong_signature: { strikes: 'callback', accepts: true },
  callback_answer_lost: { strikes: 'callback', accepts: true },
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
