import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { Admission } from '../../lib/emulator/admission.js';
import { ClientSockets } from '../../lib/emulator/client-sockets.js';
import { HttpError } from '../../lib/emulator/http-error.js';
import { InFlight } from '../../lib/emulator/in-flight.js';
import { Attendance, Presence } from '../../lib/emulator/presence.js';
import { readBody } from '../../lib/emulator/read-body.js';
import { sendUnread } from '../../lib/emulator/send-json.js';
import { Warnings } from '../../lib/emulator/warnings.js';
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

  it('answers one request in a turn of the event loop, in which Node accepts one connection', async () => {
    let turn = 0;
    let isOver = false;
    const count = (): void => {
      turn += 1;
      if (!isOver) setImmediate(count);
    };
    const read = async (): Promise<number> => {
      const request = Object.assign(Readable.from([Buffer.from('{}')]), { headers: {} });
      await readBody(request as unknown as IncomingMessage, 100, new InFlight());
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

  it('ends the requests that wait the longest when too many wait for a late answer', async () => {
    emulator.faults.add({ kind: 'late', delayMs: 600_000, times: 1_000_000, accept: false });
    const request =
      `POST /?${QUERY} HTTP/1.1\r\nHost: localhost\r\nX-Note: ${'x'.repeat(7_000)}\r\n` +
      `Content-Length: 0\r\n\r\n`;
    // The answers to them all would wait here, with their requests.
    const connections = Array.from({ length: 60 }, open);
    for (const { socket } of connections) socket.write(request.repeat(90));
    await until(() => emulator.dropped.connections > 0);
    expect(connections.filter(({ isClosed }) => isClosed()).length).toBeLessThan(60);
    emulator.faults.clear();
    expect((await sendRaw(emulator)).status).toBe(200);
  }, 30_000);

  it('ends a connection that asks for more than a hundred answers without reading one', async () => {
    const { socket, isClosed } = open();
    socket.pause();
    for (let index = 0; index < 20 && !isClosed(); index += 1) {
      socket.write('GET /__emulator/ HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2_000));
    }
    await until(() => emulator.dropped.connections === 1);
    const { answer, socket: other } = open();
    other.write('GET /__emulator/ HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
    await until(() => answer().split('HTTP/1.1 200').length === 101);
  });
});

it('an emulator listens once for the end of a connection, however many requests on it are refused unread', async () => {
  const listeners: number[] = [];
  let asked = 0;
  const server = createServer((request, response) => {
    sendUnread(response, new HttpError(403, 'Refused'));
    asked += 1;
    listeners.push(request.socket.listenerCount('close'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = createConnection((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(30));
  await once(socket, 'close');
  server.close();
  expect(asked).toBeGreaterThan(1);
  expect(new Set(listeners).size).toBe(1);
});

it('an emulator disconnects a WebSocket client that no longer answers, and keeps one that does', async () => {
  const service = {
    checkToken: () => undefined,
    tell: () => undefined,
    post: () => Promise.resolve(undefined),
    warnings: new Warnings(),
  };
  const loggedIn = new Presence(new Attendance(1_048_576, service));
  const callbacks = { checkReach: () => undefined };
  const state = { presenceOf: () => loggedIn, clients: { refused: 0, putOut: 0 }, callbacks };
  const admission = new Admission({ host: '', allowedHosts: [], allowedOrigins: [] });
  const clients = new ClientSockets(admission, state, 50);
  const server = createServer().on('upgrade', (...given) => clients.upgrade(...given));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/users?userId=`;
  const silent = new WebSocket(`${url}silent`, { autoPong: false });
  const alive = new WebSocket(`${url}alive`);
  await Promise.all([once(silent, 'open'), once(alive, 'open')]);
  await once(silent, 'close');
  await sleep(200);
  expect([alive.readyState, state.clients.putOut]).toEqual([WebSocket.OPEN, 1]);
  clients.close();
  server.close();
});
