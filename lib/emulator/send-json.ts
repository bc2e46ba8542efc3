import type { ServerResponse } from 'node:http';
import { refusalOf } from './http-error.js';

export const JSON_TYPE = 'application/json; charset=utf-8';

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

/** @param body by default the reason alone */
export function sendError(response: ServerResponse, error: unknown, body?: object, headers = {}): void {
  const { httpStatus, reason } = refusalOf(error);
  sendText(response, httpStatus, `${JSON.stringify(body ?? { error: reason })}\n`, headers);
}

/** Answers a request whose rest is not read: the connection ends here. */
export function sendUnread(response: ServerResponse, error: unknown, body?: object): void {
  sendError(response, error, body, { Connection: 'close' });
  response.req.resume();
}
