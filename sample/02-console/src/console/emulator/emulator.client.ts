import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import { RtcTokenService } from 'nestjs-rtc-messaging';
import { ClientSignatureService } from 'nestjs-rtc-messaging/callbacks';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { CLIENT_MESSAGES_PATH, EVENTS_PATH } from '../../callback-paths.js';

/** What messages go to, as far as this app can tell. */
export type Target = 'emulator' | 'real';

/** Someone in a room of the emulator. */
export interface RoomUsers {
  readonly id: string;
  readonly users: readonly string[];
}

/** A fault as the emulator lists it: the rule, and how many requests or connections it befell. */
export interface ListedFault {
  readonly applied: number;
  /** How many it befalls: by default one; with a probability, all that it hits. `null` is JSON's Infinity. */
  readonly times?: number | null;
  readonly probability?: number;
}

const TIMEOUT_MS = 2_000;
/** Longer: while a fan-out is on its way, the emulator has much to do, and a user who could not join is gone. */
const JOIN_TIMEOUT_MS = 15_000;
/** Each time that a user joins there is a new one. */
const TOKEN_SECONDS = 3_600;

/** The emulator's control API and rooms, if the endpoint is an emulator. */
@Injectable()
export class EmulatorClient {
  /** Nothing is asked unless an endpoint is named: without one, messages go to the vendor. */
  readonly #endpoint: string | undefined;
  #isEmulator = false;
  /** Whether users join with tokens: those are issued from the app's key. */
  readonly issuesTokens: boolean;

  constructor(
    private readonly config: ConfigService,
    private readonly host: HttpAdapterHost,
    private readonly tokens: RtcTokenService,
    private readonly signatures: ClientSignatureService,
  ) {
    this.issuesTokens = Boolean(config.get<string>('RTC_APP_KEY')?.trim());
    this.#endpoint = config.get<string>('RTC_ENDPOINT')?.trim().replace(/\/$/, '') || undefined;
  }

  /** Whatever does not prove to be an emulator counts as the real service. What was one once remains one. */
  async target(): Promise<Target> {
    if (!this.#isEmulator && this.#endpoint !== undefined) {
      try {
        const { appId } = (await this.#ask('GET', '/')) as { appId?: unknown };
        this.#isEmulator = typeof appId === 'string';
      } catch {
        // No emulator, or one that is not running yet.
      }
    }
    return this.#isEmulator ? 'emulator' : 'real';
  }

  async rooms(): Promise<readonly RoomUsers[]> {
    return (await this.#ask('GET', '/rooms')) as readonly RoomUsers[];
  }

  /** Has the emulator tell this app of joins and leaves, unless it tells another one already. */
  async register(): Promise<void> {
    const { url } = (await this.#ask('GET', '/callbacks')) as { url?: string };
    if (url !== undefined) return;
    const [secret] = this.config.getOrThrow<string>('RTC_CALLBACK_SECRETS').split(',');
    await this.#ask('PUT', '/callbacks', { url: this.#origin + EVENTS_PATH, secret: secret?.trim() });
  }

  async setFaults(faults: readonly object[]): Promise<void> {
    await this.#ask('PUT', '/faults', { faults });
  }

  /** Those that were set and not taken away, whoever did so, in the order in which they are looked at. */
  async faults(): Promise<readonly ListedFault[]> {
    return (await this.#ask('GET', '/faults')) as readonly ListedFault[];
  }

  /**
   * Joins a room for as long as the connection lasts, as the client SDK would, and says where messages to the business
   * server go: to this app.
   * @throws RtcValidationError for an illegal ID
   */
  join(roomId: string, userId: string): WebSocket {
    const origin = (this.#endpoint ?? '').replace(/^http/, 'ws');
    const token = this.issuesTokens
      ? `&token=${encodeURIComponent(this.tokens.issueJoinToken({ userId, roomId, expiresInSeconds: TOKEN_SECONDS }))}`
      : '';
    const signature = this.signatures.issue({ userId, roomId, expiresInSeconds: TOKEN_SECONDS });
    const url = this.#origin + CLIENT_MESSAGES_PATH;
    const socket = new WebSocket(
      `${origin}/rooms/${encodeInPath(roomId)}?userId=${encodeURIComponent(userId)}${token}`,
      {
        handshakeTimeout: JOIN_TIMEOUT_MS,
      },
    );
    return socket.once('open', () =>
      socket.send(JSON.stringify({ method: 'setServerParams', signature, url })),
    );
  }

  /** Where this app can be reached from this machine. */
  get #origin(): string {
    const { address, port } = (this.host.httpAdapter.getHttpServer() as Server).address() as AddressInfo;
    if (address === '::1') return `http://[::1]:${port}`;
    return `http://${address.startsWith('127.') ? address : '127.0.0.1'}:${port}`;
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#endpoint}/__emulator${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`The emulator answers ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

/** A URL would resolve an ID that is `.` or `..`; the emulator takes its dots encoded twice. */
function encodeInPath(id: string): string {
  return /^\.{1,2}$/.test(id) ? id.replaceAll('.', '%252E') : encodeURIComponent(id);
}
