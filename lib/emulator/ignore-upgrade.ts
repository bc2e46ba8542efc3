import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Whether a request wants to become a WebSocket. */
export function asksForWebSocket({ method, headers: { upgrade = '' } }: IncomingMessage): boolean {
  return method === 'GET' && upgrade.toLowerCase() === 'websocket';
}

/**
 * Puts a request back on its connection without what it offers to become: Java's HTTP client offers `h2c` with each
 * request, and a server may ignore that. Node hands over every such request as soon as anything may be upgraded.
 * @param head what came behind the request's own head
 */
export function putBackWithoutUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.toLowerCase() !== 'upgrade') text += `${name}: ${rawHeaders[index + 1]}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
}
