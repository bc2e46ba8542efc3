import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { redactCredentials } from '../../lib/credentials/credentials.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { certificate } from '../support/certificate.js';
import {
  answerWith,
  attempt,
  BODY,
  clientOf,
  keep,
  KEY,
  seen,
  startRawServer,
} from '../support/open-api-client.js';
import { listen, respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';

const withToken = (sessionToken: string) => redactCredentials({ ...KEY.open(), sessionToken });

describe('one attempt', () => {
  it('posts exactly the bytes that it is given, signed, to the action', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer(), { 'Retry-After': '7' })));
    const before = Date.now();
    const result = await attempt(clientOf(server.url));
    const [received] = server.received;
    expect(received).toMatchObject({
      url: '/?Action=SendUnicast&Version=2023-07-20',
      body: BODY.toString(),
      headers: {
        accept: 'application/json',
        'user-agent': 'nestjs-rtc-messaging',
        'content-type': 'application/json',
        'content-length': String(BODY.length),
        host: new URL(server.url).host,
        connection: 'keep-alive',
        authorization: expect.stringMatching(/^HMAC-SHA256 Credential=key\//),
      },
    });
    expect(received!.headers).not.toHaveProperty('x-security-token');
    expect(result).toMatchObject({
      phase: 'done',
      httpStatus: 200,
      signedWith: { credentials: KEY, clockOffsetMs: 0 },
      end: {
        kind: 'answered',
        httpStatus: 200,
        reply: { kind: 'success', requestId: '20260101000000ABC' },
        retryAfter: '7',
        date: expect.stringMatching(/GMT$/),
      },
    });
    expect(result.startedAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(result.durationMs).toBeGreaterThan(0);
    expect(result.durationMs).toBeLessThanOrEqual(Date.now() - before + 1);
  });

  it('reads any status and a body in pieces', async () => {
    const body = vendorAnswer('AccessDenied');
    const server = keep(
      await startScriptedServer((response) => {
        response.writeHead(403);
        response.write(body.slice(0, 20), () => response.end(body.slice(20)));
      }),
    );
    expect((await attempt(clientOf(server.url))).end).toMatchObject({
      httpStatus: 403,
      reply: { kind: 'error', apiCode: 'AccessDenied' },
    });
  });

  it('goes over TLS to a trusted server, and to no other', async () => {
    const tls = await certificate();
    const server = keep(await startScriptedServer(respond(200, vendorAnswer()), tls));
    const trusting = new HttpsAgent({ ca: tls.cert, keepAlive: true });
    keep({ close: () => trusting.destroy() });
    const client = clientOf(server.url, { http: { httpsAgent: { open: () => trusting } } });
    // A connection that is used again is ready as it is.
    for (const _time of [1, 2]) expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
    expect(server.connections).toHaveLength(1);
    expect(seen(await attempt(clientOf(server.url)))).toEqual([
      'network_error',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'connecting',
      undefined,
    ]);
    expect(server.received).toHaveLength(2);
  });

  it('checks once more before it sends bytes whether it may, and sends none if not', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    const client = clientOf(server.url, { http: { maxSockets: 1 } });
    let mayLeave = true;
    const [first, second] = [attempt(client), attempt(client, { mayLeave: () => mayLeave })];
    // The second waits for the socket of the first.
    mayLeave = false;
    await first;
    const { end, phase } = await second;
    expect([end, phase]).toEqual([{ kind: 'network_error', failure: 'PERMIT_EXPIRED' }, 'connecting']);
    expect(server.received).toHaveLength(1);
    expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
  });

  it('keeps its connection for the next, with an agent of its own', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    const client = clientOf(server.url);
    for (let index = 0; index < 3; index++) await attempt(client);
    expect(server.connections).toHaveLength(1);
    client.close();
    await once(server.connections[0]!, 'close');
  });

  it('has no more connections than maxSockets', async () => {
    const server = keep(
      await startScriptedServer((response) => void setTimeout(() => response.end(vendorAnswer()), 5)),
    );
    const client = clientOf(server.url, { http: { maxSockets: 2 } });
    await Promise.all(Array.from({ length: 8 }, () => attempt(client)));
    expect(server.connections).toHaveLength(2);
  });

  it("uses the app's agent, and leaves it to the app", async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    const agent = new HttpAgent({ keepAlive: true });
    const client = clientOf(server.url, { http: { httpAgent: { open: () => agent } } });
    await attempt(client);
    client.close();
    await attempt(clientOf(server.url, { http: { httpAgent: { open: () => agent } } }));
    expect(server.connections).toHaveLength(1);
    agent.destroy();
  });

  it('marks an answer that repeats the request', async () => {
    const echo = keep(
      await startScriptedServer((response, { headers }) =>
        response.end(
          JSON.stringify({
            ResponseMetadata: {
              RequestId: /Signature=(\w+)/.exec(String(headers.authorization))![1],
              Error: { Code: 'the-secret-key' },
            },
          }),
        ),
      ),
    );
    expect((await attempt(clientOf(echo.url))).end).toMatchObject({
      reply: { kind: 'error', isWithheld: true, requestId: '(withheld)' },
    });
    const token = keep(await startScriptedServer(respond(200, vendorAnswer('the-session-token'))));
    const credentials = withToken('the-session-token');
    expect((await attempt(clientOf(token.url), { credentials })).end).toMatchObject({
      reply: { isWithheld: true },
    });
    const message = keep(await startScriptedServer(respond(200, vendorAnswer('Message'))));
    expect((await attempt(clientOf(message.url))).end).not.toHaveProperty('reply.isWithheld');
  });
});

describe('an attempt that fails', () => {
  it('before anything was sent has the phase "connecting"', async () => {
    const gone = await listen(createServer());
    await gone.close();
    expect(seen(await attempt(clientOf(`http://127.0.0.1:${gone.port}`)))).toEqual([
      'network_error',
      'ECONNREFUSED',
      'connecting',
      undefined,
    ]);
  });

  it.each<[string, (socket: Socket) => void, unknown[]]>([
    [
      'after it was sent',
      (socket) => void socket.once('data', () => socket.destroy()),
      ['network_error', 'ECONNRESET', 'sent', undefined],
    ],
    [
      'in the middle of the answer',
      (socket) =>
        void socket.once('data', () =>
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{', () => socket.destroy()),
        ),
      ['network_error', 'ECONNRESET', 'headers', 200],
    ],
    [
      'with an answer that is too long',
      answerWith(`HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1_001)}`),
      ['network_error', 'RESPONSE_TOO_LARGE', 'headers', 200],
    ],
    [
      'with an answer of another protocol',
      answerWith('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
      ['network_error', 'SWITCHED_PROTOCOLS', 'sent', 101],
    ],
    [
      'with an answer that is none',
      answerWith('nonsense\r\n\r\n'),
      ['network_error', 'HPE_INVALID_CONSTANT', 'sent', undefined],
    ],
  ])('%s has the phase that it reached', async (_what, onConnection, expected) => {
    const server = await startRawServer(onConnection);
    const result = await attempt(clientOf(server.url));
    expect(seen(result)).toEqual(expected);
    expect(result.signedWith).toEqual({ credentials: KEY, clockOffsetMs: 0 });
  });

  it('is not one with an answer of just the maximum length', async () => {
    const server = await startRawServer(
      answerWith(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1_000)}`),
    );
    expect((await attempt(clientOf(server.url))).end).toMatchObject({
      kind: 'answered',
      reply: { kind: 'unreadable', why: 'the body is not JSON' },
    });
  });

  it('by its timeout or a cancellation is over at once', async () => {
    const silent = await startRawServer(() => undefined);
    // Long enough to connect in, on a busy machine too.
    const result = await attempt(clientOf(silent.url), { timeoutMs: 400 });
    expect(seen(result)).toEqual(['interrupted', 'timeout', 'sent', undefined]);
    expect(result.durationMs).toBeGreaterThanOrEqual(399);

    const cancellation = new Cancellation();
    const server = await startRawServer((socket) => void socket.once('data', () => cancellation.cancel()));
    expect(seen(await attempt(clientOf(server.url), { cancellation }))).toEqual([
      'interrupted',
      'aborted',
      'sent',
      undefined,
    ]);
    // The connection is not kept: an answer may still come.
    await once(server.connections[0]!, 'close');
    expect(seen(await attempt(clientOf(server.url), { cancellation }))).toEqual([
      'interrupted',
      'aborted',
      'queued',
      undefined,
    ]);
  });

  it('while it waits for a connection has sent nothing', async () => {
    const silent = await startRawServer(() => undefined);
    const client = clientOf(silent.url, { http: { maxSockets: 1 } });
    const cancellation = new Cancellation();
    const first = attempt(client, { cancellation });
    const second = await attempt(client, { timeoutMs: 30 });
    expect(seen(second)).toEqual(['interrupted', 'timeout', 'queued', undefined]);
    cancellation.cancel();
    await first;
  });

  it('while an agent of the app connects, sends nothing once it is over', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    let connect = (): void => undefined;
    class SlowAgent extends HttpAgent {
      override createConnection(
        ...[options, callback]: Parameters<HttpAgent['createConnection']>
      ): ReturnType<HttpAgent['createConnection']> {
        connect = () => callback?.(null, super.createConnection(options) as Socket);
        return undefined as never;
      }
    }
    const agent = new SlowAgent();
    const client = clientOf(server.url, { http: { httpAgent: { open: () => agent } } });
    expect(seen(await attempt(client, { timeoutMs: 20 }))).toEqual([
      'interrupted',
      'timeout',
      'queued',
      undefined,
    ]);
    connect();
    await attempt(clientOf(server.url));
    expect(server.received).toHaveLength(1);
    agent.destroy();
  });

  it('because an agent throws is a network error', async () => {
    class FaultyAgent extends HttpAgent {
      override createConnection(): never {
        throw Object.assign(new Error('no more sockets'), { code: 'EMFILE' });
      }
    }
    const agent = new FaultyAgent();
    const client = clientOf('http://127.0.0.1:1', { http: { httpAgent: { open: () => agent } } });
    const { end, phase } = await attempt(client);
    expect([end.kind, phase]).toEqual(['network_error', 'queued']);
  });
});
