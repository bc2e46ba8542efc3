import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import axios from 'axios';
import { getEventListeners } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import {
  type RoomUnicastService,
  RtcAbortedError,
  RtcApiError,
  RtcConfigError,
  type RtcMessagingError,
  type RtcMessagingOptions,
  RtcTimeoutError,
} from 'nestjs-rtc-messaging';
import { certificate } from '../support/certificate.js';
import { rejectionOf } from '../support/rejection.js';
import { listen, respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };
const OPTIONS: RtcMessagingOptions = {
  appId: 'app',
  from: 'server',
  credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  // What one attempt proves; what follows from that is in retries.spec.ts.
  retry: { maxAttempts: 1 },
};

describe('a send', () => {
  const closing: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(resource: T): T => {
    closing.push(resource);
    return resource;
  };
  afterEach(async () => {
    // Clients first: a server waits for its connections.
    for (const resource of closing.splice(0).reverse()) await resource.close();
  });
  const serve = async (...parameters: Parameters<typeof startScriptedServer>) =>
    keep(await startScriptedServer(...parameters));
  const serviceFor = async (
    endpoint: string,
    options: RtcMessagingOptions = {},
  ): Promise<RoomUnicastService> => {
    const { module, service }: { module: TestingModule; service: RoomUnicastService } = await createService({
      ...OPTIONS,
      endpoint,
      ...options,
    });
    keep(module);
    return service;
  };

  describe('that is answered', () => {
    // Those that the emulator never gives; what it gives is in faults/fault-matrix.spec.ts, every answer in retry-decision.spec.ts.
    it.each<[string, number, string, 'rejected' | 'unknown', string]>([
      ['408 with an error', 408, vendorAnswer('Anything'), 'unknown', 'Anything'],
      ['200 without metadata', 200, '{"Result":{"Message":"Success"}}', 'unknown', 'UnreadableResponse'],
      ['302 with a success', 302, vendorAnswer(), 'unknown', 'UnreadableResponse'],
      ['403 with HTML', 403, '<html>nginx</html>', 'unknown', 'UnreadableResponse'],
      ['500 with throttling', 500, vendorAnswer('FlowLimitExceeded'), 'rejected', 'FlowLimitExceeded'],
    ])('has the outcome that the answer proves: %s', async (_what, httpStatus, body, outcome, apiCode) => {
      const server = await serve(respond(httpStatus, body));
      const service = await serviceFor(server.url);
      const error = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
      expect(error).toBeInstanceOf(RtcApiError);
      expect(error).toMatchObject({
        code: 'RTC_API',
        outcome,
        httpStatus,
        apiCode,
        possibleDuplicate: false,
      });
      expect(error.attempts).toMatchObject([{ outcome, phase: 'done', httpStatus, failure: apiCode }]);
      expect(server.received).toHaveLength(1);
    });

    it('fails with the code, number and request ID of the service, and a hint', async () => {
      const server = await serve(respond(401, vendorAnswer('SignatureDoesNotMatch', 'refused', 100_010)));
      const error = await rejectionOf<RtcApiError>((await serviceFor(server.url)).batchSend(MESSAGE));
      expect(error).toMatchObject({ codeN: 100_010, requestId: '20260101000000ABC' });
      expect(error.hint).toContain('VOLCENGINE_SECRET_KEY');
      expect(error.attempts[0]!.requestId).toBe('20260101000000ABC');
    });

    it('with an unknown access key names the other region that may be meant, where the region chose the host', async () => {
      const tls = await certificate();
      const server = await serve(respond(401, vendorAnswer('InvalidAccessKey')), tls);
      const loopback = { host: '127.0.0.1', port: server.port, ca: tls.cert, servername: '' };
      // Whatever the host, it goes to the server here.
      const httpsAgent = Object.assign(new HttpsAgent(), { createConnection: () => tlsConnect(loopback) });
      const hintOf = async (options: object): Promise<string> => {
        const region = 'ap-singapore-1';
        const { module, service } = await createService({
          ...OPTIONS,
          region,
          http: { httpsAgent },
          ...options,
        });
        const { hint } = await rejectionOf<RtcApiError>(service.batchSend(MESSAGE));
        await module.close();
        return hint ?? '';
      };
      expect(await hintOf({})).toContain('set region (RTC_REGION) to ap-southeast-1');
      expect(server.received[0]!.headers.host).toBe('open.byteplusapi.com');
      expect(await hintOf({ endpoint: server.url })).toBe(
        'Check credentials.accessKeyId (VOLCENGINE_ACCESS_KEY).',
      );
    });

    it('with a redirect does not follow it, and the other host receives nothing', async () => {
      const elsewhere = await serve(respond(200, vendorAnswer()));
      const server = await serve(respond(307, '', { Location: `${elsewhere.url}/?stolen` }));
      const error = await rejectionOf<RtcApiError>((await serviceFor(server.url)).batchSend(MESSAGE));
      expect(error).toMatchObject({ httpStatus: 307, outcome: 'unknown' });
      expect(elsewhere.connections).toHaveLength(0);
    });
  });

  describe('that times out', () => {
    it('during the handshake is not attempted', async () => {
      const server = keep(await listen(createServer()));
      const service = await serviceFor(`https://127.0.0.1:${server.port}`);
      const error = await rejectionOf<RtcTimeoutError>(service.batchSend(MESSAGE, { timeoutMs: 50 }));
      expect(error).toBeInstanceOf(RtcTimeoutError);
      expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'not_attempted' });
      expect(error.message).toContain('50 ms');
      expect(error.attempts).toMatchObject([{ phase: 'connecting', failure: 'TIMEOUT' }]);
    });

    it('while waiting for credentials is not attempted, and nothing is sent afterwards', async () => {
      const server = await serve(respond(200, vendorAnswer()));
      let arrive = (): void => undefined;
      const arrival = new Promise<void>((resolve) => (arrive = resolve));
      const service = await serviceFor(server.url, {
        credentials: async () => {
          await arrival;
          return { accessKeyId: 'key', secretAccessKey: 'secret' };
        },
      });
      const error = await rejectionOf<RtcTimeoutError>(service.batchSend(MESSAGE, { timeoutMs: 30 }));
      expect(error).toMatchObject({ outcome: 'not_attempted', attempts: [{ phase: 'queued' }] });
      arrive();
      await sleep(50);
      expect(server.connections).toHaveLength(0);
    });
  });

  describe('with a signal', () => {
    it('that aborts at once is not attempted', async () => {
      const server = await serve(respond(200, vendorAnswer()));
      const controller = new AbortController();
      const sending = rejectionOf<RtcAbortedError>(
        (await serviceFor(server.url)).batchSend(MESSAGE, { signal: controller.signal }),
      );
      controller.abort();
      expect(await sending).toMatchObject({ outcome: 'not_attempted', attempts: [] });
      await sleep(20);
      expect(server.received).toEqual([]);
    });

    it('that never aborts leaves no listener and no timer', async () => {
      const timers = (): number =>
        process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
      const server = await serve(respond(200, vendorAnswer()));
      const service = await serviceFor(server.url);
      await service.batchSend(MESSAGE);
      const before = timers();
      const { signal } = new AbortController();
      for (let call = 0; call < 5; call++) await service.batchSend(MESSAGE, { signal, timeoutMs: 60_000 });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      expect(timers()).toBeLessThan(before + 5);
    });
  });

  describe('without credentials', () => {
    it.each<[string, RtcMessagingOptions['credentials'], RegExp]>([
      [
        'because the function throws',
        () => Promise.reject(new TypeError('with s3cret')),
        /provider failed with TypeError/,
      ],
      [
        'because it gives nothing',
        () => undefined as never,
        /credentials.accessKeyId: what the provider gave is missing/,
      ],
      [
        'because a line break came along',
        { resolveCredentials: async () => ({ accessKeyId: 'key', secretAccessKey: 's3cret\n' }) },
        /credentials.secretAccessKey: what the provider gave contains white space/,
      ],
    ])('is not attempted, %s', async (_what, credentials, words) => {
      const server = await serve(respond(200, vendorAnswer()));
      const service = await serviceFor(server.url, { credentials });
      const error = await rejectionOf<RtcMessagingError>(service.batchSend(MESSAGE));
      expect(error).toBeInstanceOf(RtcConfigError);
      expect(error).toMatchObject({ outcome: 'not_attempted' });
      expect(error.message).toMatch(words);
      expect(error.message).not.toContain('s3cret');
      expect(server.connections).toHaveLength(0);
    });
  });

  describe('on the wire', () => {
    it('has the bytes that were signed', async () => {
      const server = await serve(respond(200, vendorAnswer()));
      const service = await serviceFor(server.url);
      await service.batchSend({ roomId: 'room-1', to: ['alice'], message: '  "quoted" and spaced  ' });
      const [{ url, headers, body }] = server.received as [(typeof server.received)[0]];
      expect(url).toBe('/?Action=BatchSendRoomUnicast&Version=2023-07-20');
      expect(body).toBe(
        '{"AppId":"app","RoomId":"room-1","From":"server","To":["alice"],"Binary":false,' +
          '"Message":"  \\"quoted\\" and spaced  "}',
      );
      expect(headers).toMatchObject({
        accept: 'application/json',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        host: new URL(server.url).host,
      });
      expect(headers.authorization).toMatch(
        /^HMAC-SHA256 Credential=key\/\d{8}\/cn-north-1\/rtc\/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=[0-9a-f]{64}$/,
      );
    });

    it('does not carry the headers that the app has set for its own Axios calls', async () => {
      const server = await serve(respond(200, vendorAnswer()));
      axios.defaults.headers.common['X-Internal-Token'] = 'internal';
      try {
        await (await serviceFor(server.url)).batchSend(MESSAGE);
      } finally {
        delete axios.defaults.headers.common['X-Internal-Token'];
      }
      expect(Object.keys(server.received[0]!.headers)).not.toContain('x-internal-token');
    });

    it('ignores proxies that the environment names', async () => {
      const server = await serve(respond(200, vendorAnswer()));
      const before = { ...process.env };
      Object.assign(process.env, { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1' });
      try {
        expect((await (await serviceFor(server.url)).batchSend(MESSAGE)).outcome).toBe('accepted');
      } finally {
        process.env = before;
      }
    });

    it("uses the sockets of the app's agent, and leaves them open", async () => {
      const server = await serve(respond(200, vendorAnswer()));
      const httpAgent = new HttpAgent({ keepAlive: true });
      const { module, service } = await createService({
        ...OPTIONS,
        endpoint: server.url,
        http: { httpAgent },
      });
      await service.batchSend(MESSAGE);
      await module.close();
      expect(Object.keys(httpAgent.freeSockets)).toHaveLength(1);
      httpAgent.destroy();
    });

    /** A server that would keep an idle connection for longer than any test takes. */
    const servePatiently = async () => {
      const server = await serve(respond(200, vendorAnswer(), { 'Keep-Alive': 'timeout=60' }));
      const service = await createService({ ...OPTIONS, endpoint: server.url });
      await service.service.batchSend(MESSAGE);
      const [socket] = server.connections;
      return { module: service.module, closed: new Promise((resolve) => socket!.once('close', resolve)) };
    };

    it('has its sockets closed with the app', async () => {
      const { module, closed } = await servePatiently();
      await module.close();
      expect(await Promise.race([closed.then(() => 'closed'), sleep(3_000, 'open')])).toBe('closed');
    });

    it('may finish when it is in flight while the app closes, and is refused after that', async () => {
      const server = await serve((response) => setTimeout(() => response.end(vendorAnswer()), 100));
      const { module, service } = await createService({ ...OPTIONS, endpoint: server.url });
      const sending = service.batchSend(MESSAGE);
      while (server.received.length === 0) await sleep(5);
      await module.close();
      expect((await sending).outcome).toBe('accepted');
      const error = await rejectionOf<RtcAbortedError>(service.batchSend(MESSAGE));
      expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted', attempts: [] });
      expect(error.message).toContain('shutting down');
    });

    it('leaves an idle socket that is closed before a server would close it', async () => {
      const { module, closed } = await servePatiently();
      const started = performance.now();
      await closed;
      // Servers often close theirs after five seconds.
      expect(performance.now() - started).toBeLessThan(5_000);
      await module.close();
    });
  });
});
