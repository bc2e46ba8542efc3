import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection, type Socket } from 'node:net';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { QUERY, sendRaw } from '../support/raw-request.js';
import { until } from '../support/until.js';

/** What a single client could once stop the emulator with. */
describe('an emulator under attack', () => {
  let emulator: RtcEmulator;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    emulator = await RtcEmulator.start({ requestsPerSecond: Number.POSITIVE_INFINITY });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await emulator.close();
  });

  /** A connection that writes what it is told to, and collects what comes. */
  const open = (): { socket: Socket; answer: () => string; isClosed: () => boolean } => {
    const { port, hostname } = new URL(emulator.url);
    let answer = '';
    let closed = false;
    const socket = createConnection(Number(port), hostname)
      .on('data', (data) => (answer += String(data)))
      .on('error', () => undefined)
      .on('close', () => (closed = true));
    sockets.push(socket);
    return { socket, answer: () => answer, isClosed: () => closed };
  };

  it('refuses a header that is signed more than once, before it builds what was signed', async () => {
    const names = Array<string>(300).fill('x-note');
    const { status, body } = await sendRaw(emulator, {
      headers: { 'x-note': 'x  '.repeat(100) },
      signedNames: ['host', 'x-date', 'x-note', 'x-note'],
      signed: { 'x-note': 'a' },
    });
    expect([status, body.ResponseMetadata.Error.Code]).toEqual([400, 'InvalidAuthorization']);

    const { answer, socket } = open();
    const xDate = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const asked = performance.now();
    socket.write(
      `POST /?${QUERY}&b=2&b=1 HTTP/1.1\r\nHost: localhost\r\nX-Date: ${xDate}\r\nx-note: ${'x  '.repeat(2_500)}\r\n` +
        `Authorization: HMAC-SHA256 Credential=emulator-access-key/${xDate.slice(0, 8)}/cn-north-1/rtc/request, ` +
        `SignedHeaders=${names.join(';')};host, Signature=ab\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await until(() => answer() !== '');
    expect(answer()).toContain('InvalidAuthorization');
    expect(performance.now() - asked).toBeLessThan(500);
  });

  it('takes bodies in chunks of a byte, which take up little more than what is in them', async () => {
    const bytes = 50_000;
    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20);
    const connections = Array.from({ length: 20 }, open);
    for (const { socket } of connections) {
      socket.write(
        `POST /?${QUERY} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n` +
          `${'1\r\nx\r\n'.repeat(bytes)}0\r\n\r\n`,
      );
    }
    await until(() => connections.every(({ answer }) => answer().includes('MissingAuthenticationToken')));
    clearInterval(watch);
    // They were a quarter of a gigabyte when each chunk was kept.
    expect((highest - before) / 1_048_576).toBeLessThan(100);
    expect(emulator.requests.map(({ body }) => body.length)).toEqual(Array(20).fill(bytes));
  }, 30_000);
});
