import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { once } from 'node:events';

/** A server of whatever kind, on loopback, that counts its connections and closes for good. */
export interface RunningServer {
  readonly port: number;
  readonly connections: readonly Socket[];
  close(): Promise<void>;
}

export async function listen(server: NetServer): Promise<RunningServer> {
  const connections: Socket[] = [];
  server.on('connection', (socket) => {
    connections.push(socket);
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: async () => {
      server.close();
      for (const socket of connections) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

/** Reads each request to its end, then answers as it is told: for what a well-behaved remote side never does. */
export async function startScriptedServer(
  answer: Answer,
  tls?: { readonly key: string; readonly cert: string },
): Promise<RunningServer & { readonly url: string; readonly received: readonly ReceivedRequest[] }> {
  const received: ReceivedRequest[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const whole = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      received.push(whole);
      answer(response, whole);
    });
  };
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  // What becomes of an idle connection is the client's doing.
  server.keepAliveTimeout = 60_000;
  const running = await listen(server);
  return { ...running, received, url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${running.port}` };
}

/** Answers with a status and a text. */
export function respond(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (response) =>
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body);
}

/** The vendor's answer, with an error when a code is given. */
export function vendorAnswer(code?: string, message = 'refused', codeN = 1): string {
  return JSON.stringify({
    ResponseMetadata: {
      RequestId: '20260101000000ABC',
      Action: 'BatchSendRoomUnicast',
      Version: '2023-07-20',
      Service: 'rtc',
      Region: 'cn-north-1',
      ...(code !== undefined && { Error: { Code: code, CodeN: codeN, Message: message } }),
    },
    ...(code === undefined && { Result: { Message: 'Success' } }),
  });
}
