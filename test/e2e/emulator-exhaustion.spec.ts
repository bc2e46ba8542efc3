import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { readBody } from '../../lib/emulator/http-body.js';
import { QUERY, sendRaw } from '../support/raw-request.js';
import { until } from '../support/until.js';

/** What a single client could once stop the emulator with. */
describe('an emulator under attack', () => {
  let emulator: RtcEmulator;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
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

  it('answers one request in a turn of the event loop, in which Node accepts one connection', async () => {
    let turn = 0;
    let isOver = false;
    const count = (): void => {
      turn += 1;
      if (!isOver) setImmediate(count);
    };
    const read = async (): Promise<number> => {
      const request = Readable.from([Buffer.from('{}')]);
      await readBody(request as unknown as IncomingMessage);
      return turn;
    };
    setImmediate(count);
    const turns = await Promise.all(Array.from({ length: 20 }, read));
    isOver = true;
    expect(new Set(turns).size).toBe(20);
  });

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
    // Nor does it look for the key, which it would need to check what was signed.
    socket.write(
      `POST /?${QUERY}&b=2&b=1 HTTP/1.1\r\nHost: localhost\r\nX-Date: ${xDate}\r\nx-note: ${'x  '.repeat(2_500)}\r\n` +
        `Authorization: HMAC-SHA256 Credential=nobody/${xDate.slice(0, 8)}/cn-north-1/rtc/request, ` +
        `SignedHeaders=${names.join(';')};host, Signature=ab\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await until(() => answer() !== '');
    expect(answer()).toContain('InvalidAuthorization');
  });
});
