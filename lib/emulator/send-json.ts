import type { ServerResponse } from 'node:http';
import { onceGone } from './once-over.js';

/** How long a client may go on sending what is not read, so that it gets to the answer. */
const LINGER_MS = 1_000;

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  sendText(response, status, JSON.stringify(body), headers);
}

/** Answers a request whose rest is not read: the connection ends here. */
export function sendUnread(response: ServerResponse, status: number, body: unknown): void {
  const { req: request } = response;
  sendJson(response, status, body, { Connection: 'close' });
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  onceGone(request.socket, () => clearTimeout(timer));
}

/** A text that is JSON unless the headers say otherwise. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'Content-Type': JSON_TYPE,
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export const JSON_TYPE = 'application/json; charset=utf-8';
