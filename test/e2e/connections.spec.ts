import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpsProxyAgent } from 'https-proxy-agent';
import dns from 'node:dns';
import { once } from 'node:events';
import {
  Agent as HttpAgent,
  type ClientRequest,
  createServer as createHttpServer,
  get as httpGet,
} from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import net, { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { certificate } from '../support/certificate.js';
import { attempt, clientOf, keep, seen, startRawServer } from '../support/open-api-client.js';
import { listen, respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';

/** Keeps the process from reading its sockets for a while. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const throws = (): never => {
  throw Symbol('no');
};

const raw = (status: number, body: string): string =>
  `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('a connection through a proxy or an agent', () => {
  it.each([['407 Proxy Authentication Required'], ['403 Forbidden'], ['502 Bad Gateway'], ['200 ']])(
    'has carried nothing when the proxy answers the tunnel with %s and ends it',
    async (status) => {
      const service = keep(await startScriptedServer(respond(200, vendorAnswer()), await certificate()));
      const proxy = keep(
        await listen(
          createHttpServer().on('connect', (_request, socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n`)),
        ),
      );
      const agent = new HttpsProxyAgent(`http://127.0.0.1:${proxy.port}`);
      keep({ close: () => agent.destroy() });
      const client = clientOf(service.url, { http: { httpsAgent: { open: () => agent as never } } });
      const [kind, failure, phase] = seen(await attempt(client));
      expect([kind, phase]).toEqual(['network_error', 'connecting']);
      if (!status.startsWith('200')) expect(failure).toBe('PROXY_REFUSED');
      expect(service.received).toHaveLength(0);
    },
  );

  it('carries a call through a tunnel that the proxy opens', async () => {
    const tls = await certificate();
    const service = keep(await startScriptedServer(respond(200, vendorAnswer()), tls));
    const proxy = keep(
      await listen(
        createHttpServer().on('connect', (_request, socket) => {
          const through = net.connect(service.port, '127.0.0.1', () => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n');
            socket.pipe(through).pipe(socket);
          });
          through.on('error', () => socket.destroy());
        }),
      ),
    );
    const agent = new HttpsProxyAgent(`http://127.0.0.1:${proxy.port}`);
    // For the service, not for the proxy.
    Object.assign(agent.options, { ca: tls.cert, checkServerIdentity: () => undefined });
    keep({ close: () => agent.destroy() });
    const client = clientOf(service.url, { http: { httpsAgent: { open: () => agent as never } } });
    for (const _time of [1, 2]) expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
  });

  it('is refused over https: where an agent gives a plain socket', async () => {
    const service = await startRawServer(
      (socket) => void socket.on('data', () => socket.write(raw(200, vendorAnswer()))),
    );
    class PlainAgent extends HttpsAgent {
      override createConnection() {
        return net.connect(service.port, '127.0.0.1');
      }
    }
    const agent = new PlainAgent();
    const client = clientOf(`https://127.0.0.1:${service.port}`, {
      http: { httpsAgent: { open: () => agent } },
    });
    expect(seen(await attempt(client))).toEqual(['network_error', 'NOT_ENCRYPTED', 'connecting', undefined]);
    expect(service.connections[0]?.bytesRead ?? 0).toBe(0);
    agent.destroy();
  });

  it('has carried nothing when its socket never connected, for lack of file descriptors', async () => {
    class ExhaustedAgent extends HttpAgent {
      override createConnection() {
        const socket = new Socket();
        process.nextTick(() => socket.destroy(Object.assign(new Error('too many'), { code: 'EMFILE' })));
        return socket;
      }
    }
    const agent = new ExhaustedAgent();
    const client = clientOf('http://127.0.0.1:1', { http: { httpAgent: { open: () => agent } } });
    expect(seen(await attempt(client))).toEqual(['network_error', 'EMFILE', 'connecting', undefined]);
  });

  it.each<[string, () => unknown]>([
    ['a socket that is none', () => ({})],
    ['nothing that it says', () => null],
    [
      'a symbol',
      () => {
        throw Symbol('no');
      },
    ],
    [
      'an object whose getters throw',
      () => {
        throw Object.defineProperty({}, 'code', {
          get: () => {
            throw new Error('a getter');
          },
        });
      },
    ],
  ])('fails without a crash where an agent gives %s', async (_what, make) => {
    class OddAgent extends HttpAgent {
      override createConnection(...[, callback]: Parameters<HttpAgent['createConnection']>): never {
        const made = make();
        if (made === null) callback?.(Symbol('no') as never, undefined as never);
        return made as never;
      }
    }
    const agent = new OddAgent();
    const client = clientOf('http://127.0.0.1:1', { http: { httpAgent: { open: () => agent } } });
    const { end, phase } = await attempt(client, { timeoutMs: 200 });
    expect(['network_error', 'interrupted']).toContain(end.kind);
    expect(['queued', 'connecting']).toContain(phase);
  });
});

describe('a socket of an agent of the app', () => {
  it("is the app's again once the call is over", async () => {
    const large = 'x'.repeat(500_000);
    const server = keep(
      await startScriptedServer((response, { url }) =>
        response.end(url.includes('Action') ? vendorAnswer() : large),
      ),
    );
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    keep({ close: () => agent.destroy() });
    const client = clientOf(server.url, { http: { httpAgent: { open: () => agent } } });
    const own = (): Promise<number> =>
      new Promise((resolve, reject) => {
        httpGet(`${server.url}/own`, { agent }, (response) => {
          let length = 0;
          response.on('data', (chunk: Buffer) => (length += chunk.length));
          response.on('end', () => resolve(length)).on('error', reject);
        }).on('error', reject);
      });
    for (const _time of [1, 2]) {
      expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
      expect(await own()).toBe(large.length);
    }
    expect(server.connections).toHaveLength(1);
    const [socket] = Object.values(agent.freeSockets).flat();
    expect(socket?.listenerCount('data')).toBe(0);
  });

  it.each<[string, Partial<Duplex>]>([
    ['written to', { _write: throws }],
    ['corked', { cork: throws }],
    ['ended', { destroy: throws, _write: throws }],
  ])('that throws when it is %s fails the call, and ends no process', async (_what, odd) => {
    class OddAgent extends HttpAgent {
      override createConnection(): never {
        const socket = new Duplex({ read: () => undefined, write: () => undefined });
        return Object.assign(socket, odd) as never;
      }
    }
    const agent = new OddAgent();
    const client = clientOf('http://127.0.0.1:1', { http: { httpAgent: { open: () => agent } } });
    const { end } = await attempt(client, { timeoutMs: 300 });
    expect(['network_error', 'interrupted']).toContain(end.kind);
  });

  it('that is given twice carries the request once, with its true outcome', async () => {
    const server = await startRawServer((socket) => void socket.on('data', () => socket.destroy()));
    class EagerAgent extends HttpAgent {
      override createConnection(...[options]: Parameters<HttpAgent['createConnection']>) {
        return super.createConnection(options);
      }
      addRequest(request: ClientRequest, options: object): void {
        request.once('socket', (socket) => setTimeout(() => request.emit('socket', socket), 5));
        (HttpAgent.prototype as unknown as { addRequest(...given: unknown[]): void }).addRequest.call(
          this,
          request,
          options,
        );
      }
    }
    const agent = new EagerAgent();
    const client = clientOf(server.url, { http: { httpAgent: { open: () => agent } } });
    expect(seen(await attempt(client))).toEqual(['network_error', 'ECONNRESET', 'sent', undefined]);
  });
});

describe('an answer that came before the request', () => {
  /** The first request is answered twice, as `second` says; each later one with a refusal. */
  async function startEager(second: (socket: Socket, write: (text: string) => void) => void) {
    return startRawServer((socket) => {
      let requests = 0;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        requests += 1;
        if (requests > 1) socket.write(raw(403, vendorAnswer('AccessDenied')));
        else {
          socket.write(raw(200, vendorAnswer()));
          second(socket, (text) => socket.write(text));
        }
      });
    });
  }

  it("is not taken for the request's, though it waits unread while the process is busy", async () => {
    const server = new Worker(
      `const { parentPort } = require('worker_threads');
       const raw = ${JSON.stringify([raw(200, vendorAnswer()), raw(403, vendorAnswer('AccessDenied'))])};
       const server = require('net').createServer((socket) => {
         let requests = 0;
         socket.on('error', () => undefined);
         socket.on('data', () => {
           requests += 1;
           socket.write(raw[requests > 1 ? 1 : 0]);
           if (requests === 1) parentPort.once('message', () => { socket.write(raw[0]); parentPort.postMessage('written'); });
         });
       }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
    keep({ close: async () => void (await server.terminate()) });
    const [port] = (await once(server, 'message')) as [number];
    const client = clientOf(`http://127.0.0.1:${port}`, { http: { maxSockets: 1 } });
    expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
    server.postMessage('again', []);
    // The second answer comes meanwhile, and is not read.
    block(200);
    const second = await attempt(client);
    expect(seen(second).slice(0, 3)).toEqual(['network_error', expect.any(String), 'connecting']);
    // The connection has ended with it.
    expect(seen(await attempt(client))).toEqual(['answered', '', 'done', 200]);
  });

  it('ends an idle connection', async () => {
    const server = await startEager((_socket, write) =>
      setTimeout(() => write(raw(200, vendorAnswer())), 20),
    );
    const client = clientOf(server.url, { http: { maxSockets: 1 } });
    await attempt(client);
    await once(server.connections[0]!, 'close');
    await attempt(client);
    expect(server.connections).toHaveLength(2);
  });

  it("is not taken for the request's on a new connection", async () => {
    const server = await startRawServer((socket) => socket.write(raw(200, vendorAnswer())));
    const [kind, , phase] = seen(await attempt(clientOf(server.url)));
    expect([kind, phase]).toEqual(['network_error', 'connecting']);
  });

  it('makes the outcome unknown when it comes with the real answer', async () => {
    const twice = raw(200, vendorAnswer()) + raw(403, vendorAnswer('AccessDenied'));
    const server = await startRawServer((socket) => void socket.on('data', () => socket.write(twice)));
    expect(seen(await attempt(clientOf(server.url)))).toEqual([
      'network_error',
      'UNASKED_ANSWER',
      'headers',
      200,
    ]);
  });
});

describe('a compressed answer', () => {
  const body = Buffer.from(vendorAnswer());

  it.each<[string, Buffer]>([
    ['gzip', gzipSync(body)],
    ['GZIP', gzipSync(body)],
    ['x-gzip', gzipSync(body)],
    ['br', brotliCompressSync(body)],
    ['deflate', deflateSync(body)],
    ['identity', body],
    ['', body],
  ])('is read: %s', async (coding, content) => {
    const server = keep(
      await startScriptedServer((response) =>
        response.writeHead(200, { 'Content-Encoding': coding }).end(content),
      ),
    );
    expect((await attempt(clientOf(server.url))).end).toMatchObject({ reply: { kind: 'success' } });
    expect(server.received[0]!.headers['accept-encoding']).toBe('identity');
  });

  it.each<[string, Buffer]>([
    ['zstd', body],
    ['gzip', body],
    ['gzip', gzipSync(body).subarray(0, 30)],
    ['gzip, br', brotliCompressSync(gzipSync(body))],
  ])('that can not be decompressed has an unknown outcome: %s', async (coding, content) => {
    const server = keep(
      await startScriptedServer((response) =>
        response.writeHead(200, { 'Content-Encoding': coding }).end(content),
      ),
    );
    expect((await attempt(clientOf(server.url))).end).toMatchObject({
      reply: { kind: 'unreadable', why: "the body's content coding can't be undone" },
    });
  });

  it.each(['normalize', 'set', 'get', 'has', 'clear', 'toJSON'])(
    'is read though it has a header named %s, as a method of its headers is',
    async (name) => {
      const answer = vendorAnswer();
      const { url } = await startRawServer(
        (socket) =>
          void socket.on('data', () =>
            socket.write(raw(200, answer).replace('Content-Type', `${name}: x\r\nContent-Type`)),
          ),
      );
      expect(seen(await attempt(clientOf(url)))).toEqual(['answered', '', 'done', 200]);
    },
  );

  it('is read no further than the maximum length', async () => {
    const content = gzipSync(Buffer.alloc(10_000_000, ' '));
    const client = { http: { maxContentLength: 20_000 } };
    const server = keep(
      await startScriptedServer((response) =>
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(content),
      ),
    );
    expect(seen(await attempt(clientOf(server.url, client)))).toEqual([
      'network_error',
      'RESPONSE_TOO_LARGE',
      'done',
      200,
    ]);
  });
});

describe('a host with several addresses', () => {
  const realLookup = dns.lookup;
  afterEach(() => {
    dns.lookup = realLookup;
  });
  const resolveTo = (...addresses: string[]): void => {
    const answer = addresses.map((address) => ({ address, family: net.isIP(address) }));
    dns.lookup = ((
      _host: string,
      { all }: { all?: boolean },
      callback: (error: null, list: object | string | undefined, family?: number) => void,
    ) =>
      process.nextTick(() =>
        all === true ? callback(null, answer) : callback(null, addresses[0], answer[0]?.family),
      )) as never;
  };

  /** Takes no connection for a while: its queue is full, so that the handshake has to be begun again after 1 s. */
  async function startSlow(
    at: { port: number; host: string } = { port: 0, host: '127.0.0.1' },
  ): Promise<number> {
    const worker = new Worker(
      `const { parentPort } = require('worker_threads');
       const server = require('http').createServer((request, response) => {
         request.resume().on('end', () => response.end(${JSON.stringify(vendorAnswer())}));
       });
       server.listen({ ...${JSON.stringify(at)}, backlog: 1 }, () => parentPort.postMessage(server.address().port));
       parentPort.on('message', () => {
         parentPort.postMessage('busy');
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
       });`,
      { eval: true },
    );
    keep({ close: async () => void (await worker.terminate()) });
    const [port] = (await once(worker, 'message')) as [number];
    worker.postMessage('work', []);
    await once(worker, 'message');
    for (let index = 0; index < 4; index++) {
      const filler = net.connect(port, at.host).on('error', () => undefined);
      keep({ close: () => void filler.destroy() });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return port;
  }

  it.each([
    ['first', ['127.0.0.1', '::1']],
    ['last', ['::1', '127.0.0.1']],
  ])(
    'is reached by its slow address though the other is dead, where the slow one is %s',
    async (_order, addresses) => {
      const port = await startSlow();
      resolveTo(...addresses);
      const result = await attempt(clientOf(`http://dual.test:${port}`), { timeoutMs: 10_000 });
      expect(seen(result)).toEqual(['answered', '', 'done', 200]);
    },
  );

  it("has the next address tried after half of the attempt's own time", async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    await startSlow({ port: server.port, host: '127.0.0.2' });
    resolveTo('127.0.0.2', '127.0.0.1');
    const started = performance.now();
    const result = await attempt(clientOf(`http://two.test:${server.port}`), { timeoutMs: 800 });
    expect(seen(result)).toEqual(['answered', '', 'done', 200]);
    expect(performance.now() - started).toBeGreaterThan(350);
  });

  it('has all its addresses tried, whatever the process has set for other connections', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    resolveTo('127.0.0.9', '::1', '127.0.0.1');
    const before = net.getDefaultAutoSelectFamily();
    for (const isOn of [true, false]) {
      net.setDefaultAutoSelectFamily(isOn);
      try {
        const result = await attempt(clientOf(`http://three.test:${server.port}`));
        expect(seen(result)).toEqual(['answered', '', 'done', 200]);
      } finally {
        net.setDefaultAutoSelectFamily(before);
      }
    }
  });

  it('is looked up again for each call that waits for a socket', async () => {
    // Each connection serves one call.
    const closing = respond(200, vendorAnswer(), { Connection: 'close' });
    const server = keep(await startScriptedServer(closing));
    let lookups = 0;
    dns.lookup = ((_host: string, _options: object, callback: (error: null, list: object) => void) => {
      lookups += 1;
      process.nextTick(() => callback(null, [{ address: '127.0.0.1', family: 4 }]));
    }) as never;
    const client = clientOf(`http://moving.test:${server.port}`, { http: { maxSockets: 1 } });
    const results = await Promise.all(Array.from({ length: 5 }, () => attempt(client)));
    for (const result of results) expect(seen(result)).toEqual(['answered', '', 'done', 200]);
    expect(lookups).toBe(5);
  });

  it('has its other addresses tried by calls that waited for a socket, too', async () => {
    const server = keep(await startScriptedServer(respond(200, vendorAnswer(), { Connection: 'close' })));
    resolveTo('::1', '127.0.0.1');
    const client = clientOf(`http://dual.test:${server.port}`, { http: { maxSockets: 2 } });
    const results = await Promise.all(Array.from({ length: 12 }, () => attempt(client)));
    for (const result of results) expect(seen(result)).toEqual(['answered', '', 'done', 200]);
  });

  it('that is not known has sent nothing', async () => {
    dns.lookup = ((_host: string, _options: object, callback: (error: Error) => void) =>
      process.nextTick(() => callback(Object.assign(new Error(), { code: 'ENOTFOUND' })))) as never;
    expect(seen(await attempt(clientOf('http://nowhere.test')))).toEqual([
      'network_error',
      'ENOTFOUND',
      'connecting',
      undefined,
    ]);
  });
});

describe('an interceptor of the network in tests', () => {
  it.each([
    // It replaces http.request itself; later versions put a socket of their own in place of the agent's, as MSW does.
    ['nock 13', () => import('nock13')],
    ['nock 14', () => import('nock')],
  ])('sees the requests, and none is really sent: %s', async (_which, load) => {
    const { default: nock } = await load();
    const server = keep(await startScriptedServer(respond(200, vendorAnswer())));
    if (!nock.isActive()) nock.activate();
    nock.disableNetConnect();
    try {
      const scope = nock(server.url).post(/.*/).reply(200, vendorAnswer());
      expect(seen(await attempt(clientOf(server.url)))).toEqual(['answered', '', 'done', 200]);
      expect(scope.isDone()).toBe(true);
      expect(seen(await attempt(clientOf(server.url)))[0]).toBe('network_error');
      expect(server.received).toHaveLength(0);
    } finally {
      nock.cleanAll();
      nock.enableNetConnect();
      nock.restore();
    }
  });
});
