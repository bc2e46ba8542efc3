import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Fault } from './fault.js';

/** What is to be answered, before a fault gets at it. */
export interface ApiAnswer {
  readonly httpStatus: number;
  readonly body: unknown;
}

const PAGE = '<html><head><title>Welcome</title></head><body>Nothing of the service here.</body></html>';
const DEFAULT_DRIP_MS = 50;

/**
 * Writes an answer, or what a fault makes of it.
 * @param socket the TCP socket itself, also under TLS
 */
export function transmit(
  response: ServerResponse,
  socket: Socket | undefined,
  { httpStatus, body }: ApiAnswer,
  fault?: Fault,
): void {
  const text = JSON.stringify(body);
  switch (fault?.kind) {
    case 'reset':
      if (socket === undefined) response.destroy();
      else socket.resetAndDestroy();
      break;
    case 'late':
      later(response, fault.delayMs, () => write(response, httpStatus, text));
      break;
    case 'drip':
      drip(response, httpStatus, text, fault.intervalMs ?? DEFAULT_DRIP_MS);
      break;
    case 'truncated':
      write(response, httpStatus, text.slice(0, text.length / 2));
      break;
    case 'html':
      write(response, fault.httpStatus ?? 200, PAGE, { 'Content-Type': 'text/html' });
      break;
    case 'empty':
      write(response, fault.httpStatus ?? 200, '');
      break;
    case 'redirect':
      write(response, fault.httpStatus ?? 307, '', { Location: fault.location });
      break;
    case 'oversized':
      write(response, httpStatus, text.padEnd(fault.bytes));
      break;
    case 'error':
      write(response, httpStatus, text, {
        ...(fault.retryAfter !== undefined && { 'Retry-After': String(fault.retryAfter) }),
      });
      break;
    case 'close_after_answer':
      response.on('finish', () => response.socket?.end());
      write(response, httpStatus, text);
      break;
    default:
      write(response, httpStatus, text);
  }
}

function write(
  response: ServerResponse,
  httpStatus: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(httpStatus, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function later(response: ServerResponse, delayMs: number, act: () => void): void {
  const timer = setTimeout(act, delayMs);
  response.on('close', () => clearTimeout(timer));
}

function drip(response: ServerResponse, httpStatus: number, text: string, intervalMs: number): void {
  const bytes = Buffer.from(text);
  response.writeHead(httpStatus, {
    'Content-Type': 'application/json; charset=utf-8',
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
  response.on('close', () => clearInterval(timer));
}
