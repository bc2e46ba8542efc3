import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Subscription } from 'rxjs';
import { ApiKeyGuard } from '../../auth/api-key.guard.js';
import { HandsService } from '../../classroom/hands.service.js';
import { EmulatorClient } from '../emulator/emulator.client.js';
import { FanOutService } from '../fan-out/fan-out.service.js';
import { MAX_SIMULATED } from '../fan-out/simulated-fan-out.js';
import { FaultService } from '../faults/fault.service.js';
import { readLiveCommand } from './live-command.js';
import { LiveSession } from './live-session.js';
import { RateService } from '../rate/rate.service.js';
import { ReceiptNewsService } from '../receipts/receipt-news.service.js';
import { SameOriginGuard } from '../origin/same-origin.guard.js';

const PATH = '/console/live';
/** The longest text that the page takes, each of its characters escaped. */
const MAX_COMMAND_BYTES = 524_288;
/** Whoever has not said the key by then is no page of ours. */
const HELLO_LIMIT_MS = 5_000;
const RATE_EVERY_MS = 500;
const ROOMS_EVERY_MS = 1_000;
const VENDOR_QUOTA = 500;

/** Close codes, of those that are the application's own. */
const WRONG_KEY = 4_401;
const NO_COMMAND = 4_400;

/**
 * The page's live connection. Browsers let any site open a WebSocket here, and send no header of ours with it; so
 * the origin is checked first, and nothing is told before the key has come as the first message.
 */
@Injectable()
export class LiveGateway implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_COMMAND_BYTES });
  readonly #sessions = new Set<LiveSession>();
  #timers: NodeJS.Timeout[] = [];
  #news: Subscription | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly config: ConfigService,
    private readonly sameOrigin: SameOriginGuard,
    private readonly apiKey: ApiKeyGuard,
    private readonly emulator: EmulatorClient,
    private readonly faults: FaultService,
    private readonly fanOuts: FanOutService,
    private readonly rate: RateService,
    private readonly hands: HandsService,
    private readonly receipts: ReceiptNewsService,
  ) {}

  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    this.#news = this.hands.news.subscribe((news) => {
      for (const session of this.#sessions) {
        if (session.roomId === news.roomId) session.tell({ type: 'news', news });
      }
    });
    this.#news.add(
      this.receipts.news.subscribe(({ messageId, ...confirmation }) => {
        for (const session of this.#sessions) {
          if (session.messageId !== messageId) continue;
          session.tell({ type: 'receipts', messageId, confirmed: [confirmation] });
        }
      }),
    );
    this.#timers = [
      setInterval(() => this.#tellRate(), RATE_EVERY_MS),
      setInterval(() => void this.#tellRooms(), ROOMS_EVERY_MS),
    ];
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#news?.unsubscribe();
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (request.url !== PATH || !this.sameOrigin.allows(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () =>
        socket.destroy(),
      );
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#meet(webSocket));
  }

  #meet(webSocket: WebSocket): void {
    webSocket.on('error', () => webSocket.terminate());
    const patience = setTimeout(() => webSocket.close(WRONG_KEY), HELLO_LIMIT_MS);
    webSocket.once('close', () => clearTimeout(patience));
    webSocket.once('message', (data: RawData) => {
      clearTimeout(patience);
      const command = readLiveCommand(String(data));
      if (command?.type === 'hello' && this.apiKey.knows(command.key)) void this.#admit(webSocket);
      else webSocket.close(WRONG_KEY);
    });
  }

  async #admit(webSocket: WebSocket): Promise<void> {
    const session = new LiveSession(webSocket, this.emulator, this.fanOuts, this.receipts);
    this.#sessions.add(session);
    webSocket.on('close', () => this.#sessions.delete(session));
    webSocket.on('message', (data: RawData) => {
      const command = readLiveCommand(String(data));
      if (command === undefined) webSocket.close(NO_COMMAND);
      else void session.handle(command);
    });
    const target = await this.emulator.target();
    // Before the page lets anyone join, so that it is told of them.
    if (target === 'emulator') await this.#register();
    session.tell({
      type: 'ready',
      target,
      quota: Number(this.config.get('RTC_QUOTA_RPS') || VENDOR_QUOTA),
      maxSimulated: MAX_SIMULATED,
      issuesTokens: this.emulator.issuesTokens,
    });
    this.#tellRate();
    await this.#tellRooms();
  }

  #tellRate(): void {
    if (this.#sessions.size === 0) return;
    const points = this.rate.series();
    for (const session of this.#sessions) session.tell({ type: 'rate', points });
  }

  /** An emulator that was started again knows nothing of this app. */
  async #register(): Promise<void> {
    await this.emulator.register().catch((error: unknown) => Logger.debug(String(error), 'Console'));
  }

  async #tellRooms(): Promise<void> {
    if (this.#sessions.size === 0) return;
    const target = await this.emulator.target();
    for (const session of this.#sessions) session.tellTarget(target);
    if (target !== 'emulator') return;
    const state = await this.faults.current();
    for (const session of this.#sessions) session.tell({ type: 'fault', state });
    await this.#register();
    try {
      const rooms = await this.emulator.rooms();
      for (const session of this.#sessions) {
        const users = rooms.find(({ id }) => id === session.roomId)?.users ?? [];
        session.tell({ type: 'room', roomId: session.roomId, users });
      }
    } catch (error) {
      // It refuses connections (a fault), or is being started again; the next look will tell.
      Logger.debug(String(error), 'Console');
    }
  }
}
