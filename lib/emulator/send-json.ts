import type { ServerResponse } from 'node:http';

/** @param close whether the connection ends here, because the rest of the request was not read */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  { close = false }: { close?: boolean } = {},
): void {
  sendText(response, status, JSON.stringify(body), close ? { Connection: 'close' } : {});
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
