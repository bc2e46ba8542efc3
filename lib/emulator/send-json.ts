import type { ServerResponse } from 'node:http';

/** @param close whether the connection ends here, because the rest of the request was not read */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  { close = false }: { close?: boolean } = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...(close && { Connection: 'close' }),
  });
  response.end(text);
}
