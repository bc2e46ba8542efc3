import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import type { Fault } from './fault.js';
import { onceOver } from './once-over.js';
import { JSON_TYPE, sendText } from './send-json.js';

/** What is to be answered, before a fault gets at it. */
export interface ApiAnswer {
  readonly httpStatus: number;
  readonly body: unknown;
}

const PAGE = '<html><head><title>Welcome</title></head><body>Nothing of the service here.</body></html>';
const DEFAULT_DRIP_MS = 50;
const SPACES = Buffer.alloc(65_536, ' ');

/** The status that is sent, which a fault may have put in place of the answer's; undefined where none is. */
export function statusSent({ httpStatus }: ApiAnswer, fault: Fault | undefined): number | undefined {
  switch (fault?.kind) {
    case 'reset':
      return undefined;
    case 'html':
    case 'empty':
      return fault.httpStatus ?? 200;
    case 'redirect':
      return fault.httpStatus ?? 307;
    default:
      return httpStatus;
  }
}

/**
 * Writes an answer, or what a fault makes of it.
 * @param socket the TCP socket itself, also under TLS
 */
export function transmit(
  response: ServerResponse,
  socket: Socket | undefined,
  answer: ApiAnswer,
  fault?: Fault,
): void {
  const text = JSON.stringify(answer.body);
  const httpStatus = statusSent(answer, fault) ?? answer.httpStatus;
  switch (fault?.kind) {
    case 'reset':
      if (socket === undefined) response.destroy();
      else socket.resetAndDestroy();
      break;
    case 'late':
      later(response, fault.delayMs, () => sendText(response, httpStatus, text));
      break;
    case 'drip':
      drip(response, httpStatus, text, fault.intervalMs ?? DEFAULT_DRIP_MS);
      break;
    case 'truncated':
      sendText(response, httpStatus, text.slice(0, text.length / 2));
      break;
    case 'html':
      sendText(response, httpStatus, PAGE, { 'Content-Type': 'text/html' });
      break;
    case 'empty':
      sendText(response, httpStatus, '');
      break;
    case 'redirect':
      sendText(response, httpStatus, '', { Location: fault.location });
      break;
    case 'oversized':
      oversize(response, httpStatus, Buffer.from(text), fault.bytes);
      break;
    case 'error':
      sendText(response, httpStatus, text, {
        ...(fault.retryAfter !== undefined && { 'Retry-After': String(fault.retryAfter) }),
      });
      break;
    case 'close_after_answer':
      response.on('finish', () => response.socket?.end());
      sendText(response, httpStatus, text);
      break;
    default:
      sendText(response, httpStatus, text);
  }
}

function later(response: ServerResponse, delayMs: number, act: () => void): void {
  const timer = setTimeout(act, delayMs);
  onceOver(response, () => clearTimeout(timer));
}

/** Written as fast as it is read, and no faster: a client that reads nothing must not have it all wait here. */
function oversize(response: ServerResponse, httpStatus: number, text: Buffer, bytes: number): void {
  const padding = Math.max(0, bytes - text.length);
  response.writeHead(httpStatus, { 'Content-Type': JSON_TYPE, 'Content-Length': text.length + padding });
  pipeline(Readable.from(padded(text, padding)), response, () => {
    // A client may well hang up in between.
  });
}

function* padded(text: Buffer, padding: number): Iterable<Buffer> {
  yield text;
  for (let left = padding; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

function drip(response: ServerResponse, httpStatus: number, text: string, intervalMs: number): void {
  const bytes = Buffer.from(text);
  response.writeHead(httpStatus, {
    'Content-Type': JSON_TYPE,
    'Content-Length': bytes.length,
  });
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
