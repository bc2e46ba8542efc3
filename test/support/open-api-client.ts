import type { ApiRequest } from '../../lib/openapi/api-request.js';
import { afterEach } from '@jest/globals';
import { createServer, type Socket } from 'node:net';
import { redactCredentials } from '../../lib/credentials/credentials.js';
import type { AttemptEnd, AttemptResult } from '../../lib/openapi/http-attempt.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import {
  type AttemptOptions,
  type HttpClientSettings,
  OpenApiClient,
} from '../../lib/openapi/open-api.client.js';
import { listen } from './scripted-server.js';

export const KEY = redactCredentials({ accessKeyId: 'key', secretAccessKey: 'the-secret-key' });
export const BODY = Buffer.from('{"Message":"hello, this is no one else\'s to see"}');
const REQUEST: ApiRequest = {
  action: 'SendUnicast',
  version: '2023-07-20',
  method: 'POST',
  query: [],
  body: BODY,
};
const OPTIONS = { credentials: KEY, timeoutMs: 10_000, clockOffsetMs: 0 };

const closing: { close(): void | Promise<void> }[] = [];
/** Has it closed after the test. */
export const keep = <T extends { close(): void | Promise<void> }>(resource: T): T => {
  closing.push(resource);
  return resource;
};
afterEach(async () => {
  for (const resource of closing.splice(0).reverse()) await resource.close();
});

interface ClientOptions {
  readonly http?: Partial<HttpClientSettings['http']>;
}

/** A client with settings of a test's own. */
export function clientOf(endpoint: string, { http = {} }: ClientOptions = {}): OpenApiClient {
  const client = new OpenApiClient(
    {
      http: { httpAgent: undefined, httpsAgent: undefined, maxSockets: 8, maxContentLength: 1_000, ...http },
    },
    { region: 'cn-north-1', service: 'rtc' },
    endpoint,
  );
  return keep(client);
}
export const attempt = (client: OpenApiClient, more: Partial<AttemptOptions> = {}) =>
  client.attempt(REQUEST, { ...OPTIONS, cancellation: new Cancellation(), ...more });

/** A server of nothing but bytes. */
export async function startRawServer(onConnection: (socket: Socket) => void) {
  const running = keep(await listen(createServer(onConnection)));
  return { ...running, url: `http://127.0.0.1:${running.port}` };
}
export const answerWith =
  (text: string) =>
  (socket: Socket): void =>
    void socket.once('data', () => socket.write(text));

/** How an attempt ended, in a line. */
export const seen = ({
  end,
  phase,
  httpStatus,
}: AttemptResult): [AttemptEnd['kind'], string, string, number | undefined] => [
  end.kind,
  end.kind === 'network_error' ? end.failure : end.kind === 'interrupted' ? end.by : '',
  phase,
  httpStatus,
];
