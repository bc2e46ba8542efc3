import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPublishedErrorCode, type PublishedErrorCode } from '../openapi/published-errors.js';
import type { OptionTable } from '../options/option-table.js';
import { flag, must, type Rule, text, wholeNumber } from '../options/rules.js';
import { type Callback, isRoomEventType, signatureFieldOf } from './callback.js';
import type { Fault, FaultKind } from './fault.js';
import { JSON_TYPE, sendText } from './http-body.js';
import { ApiError } from './http-error.js';
import { certificateProblem, type EmulatorTls } from './rtc-emulator-options.js';

type Fields<Kind extends FaultKind> = Extract<Fault, { kind: Kind }>;

/** What a fault applies to; `listener`: at once, to all connections. */
export type FaultTargetKind = 'request' | 'connection' | 'listener' | 'callback';

/** What becomes of a callback, after the fault's `delayMs`. */
interface CallbackChange {
  /** How often it is posted. Default 1. */
  readonly copies?: number;
  /** Of the copy with this number, from 0. */
  readonly bodyOf?: (callback: Callback, copy: number) => Callback['body'];
  readonly losesFirstAnswer?: boolean;
}

/** All that there is to say of one kind of fault. */
interface FaultRules<Kind extends FaultKind> {
  /** Its fields, beside those of every rule. */
  readonly fields: OptionTable<Omit<Fields<Kind>, 'kind'>>;
  /** @returns what is wrong with these fields together, or with this emulator for them */
  problem?(fault: Fields<Kind>, isTls: boolean): string | undefined;

  // Of a request:
  /** Whether the message is accepted all the same, unless `accept` says otherwise. Default true. */
  readonly accepts?: boolean;
  /** How far ahead the clock is that it meets. */
  clockOffsetMs?(fault: Fields<Kind>): number;
  /** What is answered in place of success. */
  error?(fault: Fields<Kind>): ApiError;
  /** The status that is sent instead of the answer's, unless `httpStatus` says otherwise. */
  readonly httpStatus?: number;
  /** How the answer is sent, and what in its place. */
  send?(response: ServerResponse, text: string, fault: Fields<Kind>): void;

  /** Of a connection: what it does to it. @returns the certificate to show, if not the emulator's */
  connect?(tcp: Socket, fault: Fields<Kind>): EmulatorTls | undefined;
  /** Of the listener: what it does to it. */
  listen?(listener: { refuse(forMs: number): void }, fault: Fields<Kind>): void;
  /** Of a callback: what it does to it. */
  readonly post?: CallbackChange;
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
const publishedCode = must<PublishedErrorCode>('one of the documented codes', isPublishedErrorCode);
const url = text(/^[\x21-\x7e]{1,2048}$/, 'must be a URL');
const bytes = wholeNumber(1, 67_108_864, 'a number of bytes');
/** How far a clock is ahead: at most a century. Beyond it, there would be no date to write. */
export const CLOCK_OFFSET = required(wholeNumber(-3.2e12, 3.2e12, 'milliseconds'));
const mayAccept = { accept: flag };
const mayHaveStatus = { httpStatus: wholeNumber(200, 599, 'an HTTP status'), accept: flag };

/**
 * Each kind of fault: its fields, whether the message is accepted, and what it does. To add a fault, add a row here, its
 * type and doc comment in `fault.ts`, and a line in the documentation. The compiler and `test/docs` report what is
 * missing.
 */
export const FAULT_KINDS: { readonly [Kind in FaultKind]: FaultRules<Kind> } = {
  reset: { fields: mayAccept, accepts: false, send: reset },
  late: { fields: { delayMs: required(duration), ...mayAccept }, send: sendLate },
  drip: { fields: { intervalMs: duration, ...mayAccept }, send: drip },
  truncated: {
    fields: mayAccept,
    httpStatus: 200,
    send: (response, text) => sendText(response, text.slice(0, text.length / 2)),
  },
  html: {
    fields: mayHaveStatus,
    accepts: false,
    httpStatus: 200,
    send: (response) => sendText(response, PAGE, { 'Content-Type': 'text/html' }),
  },
  empty: {
    fields: mayHaveStatus,
    accepts: false,
    httpStatus: 200,
    send: (response) => sendText(response, ''),
  },
  error: {
    fields: { code: required(publishedCode), retryAfter, ...mayHaveStatus },
    accepts: false,
    error: ({ code, httpStatus }) => new ApiError(code, 'This error was asked for.', httpStatus),
    send: (response, text, { retryAfter }) =>
      sendText(response, text, retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
  },
  redirect: {
    fields: { location: required(url), ...mayHaveStatus },
    accepts: false,
    httpStatus: 307,
    send: (response, _text, { location }) => sendText(response, '', { Location: location }),
  },
  oversized: { fields: { bytes: required(bytes), ...mayAccept }, send: oversize },
  close_after_answer: { fields: {}, send: sendAndClose },
  clock: { fields: { offsetMs: CLOCK_OFFSET }, clockOffsetMs: ({ offsetMs }) => offsetMs },

  reset_connection: { fields: {}, connect: (tcp) => void tcp.resetAndDestroy() },
  untrusted_certificate: {
    fields: { key: pem, cert: pem },
    problem: (certificate, isTls) =>
      isTls ? certificateProblem(certificate) : 'this emulator does not serve over TLS',
    connect: (_tcp, certificate) => certificate,
  },
  refuse: {
    fields: { forMs: required(duration) },
    listen: (listener, { forMs }) => listener.refuse(forMs),
  },

  callback_lost: { fields: {}, post: { copies: 0 } },
  callback_late: { fields: { delayMs: required(duration) }, post: {} },
  callback_twice: { fields: {}, post: { copies: 2 } },
  callback_swapped_copy: { fields: {}, post: { copies: 2, bodyOf: swappedCopy } },
  callback_wrong_signature: { fields: {}, post: { bodyOf: signedWrongly } },
  callback_answer_lost: { fields: {}, post: { losesFirstAnswer: true } },
};

/** The rules of a fault of any kind. */
export function rulesOf({ kind }: { readonly kind: FaultKind }): FaultRules<FaultKind> {
  return FAULT_KINDS[kind] as FaultRules<FaultKind>;
}

/** What a fault applies to, by the functions of its row. */
export function targetKindOf({ connect, listen, post }: FaultRules<FaultKind>): FaultTargetKind {
  if (connect) return 'connection';
  if (listen) return 'listener';
  return post ? 'callback' : 'request';
}

/** Whether a request that it applies to is accepted all the same. */
export function acceptsRequest(fault: Fault): boolean {
  return ('accept' in fault ? fault.accept : undefined) ?? rulesOf(fault).accepts ?? true;
}

/** Sends an answer with the response's status, or what a fault makes of it. */
export function transmit(response: ServerResponse, text: string, fault: Fault | undefined): void {
  const rules = fault && rulesOf(fault);
  const asked = fault !== undefined && 'httpStatus' in fault ? fault.httpStatus : undefined;
  response.statusCode = asked ?? rules?.httpStatus ?? response.statusCode;
  // The client has gone. An answer begun now would never be cleaned up.
  if (response.req.socket.destroyed) return;
  if (fault !== undefined && rules?.send !== undefined) rules.send(response, text, fault);
  else sendText(response, text);
}

/** Over TLS, whose sockets Node does not reset, the connection breaks off. */
function reset({ req }: ServerResponse): void {
  if ('encrypted' in req.socket) req.socket.destroy();
  else req.socket.resetAndDestroy();
}

function sendLate(response: ServerResponse, text: string, { delayMs }: Fields<'late'>): void {
  const timer = setTimeout(() => sendText(response, text), delayMs);
  response.once('close', () => clearTimeout(timer));
}

function drip(response: ServerResponse, text: string, { intervalMs }: Fields<'drip'>): void {
  const bytes = Buffer.from(text);
  stream(response, bytes.length, byteByByte(bytes, intervalMs));
}

async function* byteByByte(bytes: Buffer, intervalMs = DEFAULT_DRIP_MS): AsyncIterable<Buffer> {
  for (const byte of bytes) {
    await sleep(intervalMs, undefined, { ref: false });
    yield Buffer.of(byte);
  }
}

function oversize(response: ServerResponse, text: string, { bytes }: Fields<'oversized'>): void {
  const length = Math.max(bytes, Buffer.byteLength(text));
  stream(response, length, padded(Buffer.from(text), length));
}

function* padded(text: Buffer, length: number): Iterable<Buffer> {
  yield text;
  for (let left = length - text.length; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

/** Written as fast as it is read, and no faster: a client that reads nothing must not have it all wait here. */
function stream(
  response: ServerResponse,
  length: number,
  pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
): void {
  response.setHeader('Content-Type', JSON_TYPE).setHeader('Content-Length', length).flushHeaders();
  pipeline(Readable.from(pieces), response, () => {
    // A client may well hang up in between.
  });
}

function sendAndClose(response: ServerResponse, text: string): void {
  response.on('finish', () => response.socket?.end());
  sendText(response, text);
}

function signedWrongly({ action, body }: Callback): Callback['body'] {
  const field = signatureFieldOf({ action });
  const right = String(body[field]);
  return { ...body, [field]: right.slice(0, -1) + (right.endsWith('0') ? '1' : '0') };
}

/** The values are signed in the order of their bytes, whichever names they have. */
function swappedCopy({ action, body }: Callback, copy: number): Callback['body'] {
  const { EventId = '', Nonce = '' } = body;
  return copy === 0 || !isRoomEventType(action) ? body : { ...body, EventId: Nonce, Nonce: EventId };
}
