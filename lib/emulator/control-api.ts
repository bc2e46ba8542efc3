import type { IncomingMessage, ServerResponse } from 'node:http';
import { NoRoomLeftError } from './attendance.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { EmulatorModuleOptions } from './emulator-module-options.js';
import { idInPath } from './id-in-path.js';
import { toMessageJson } from './message-json.js';
import type { FaultRule } from './fault.js';
import type { Faults } from './faults.js';
import type { Participant, ReceivedMessage } from './participant.js';
import { InFlight } from './in-flight.js';
import { Page, readPage } from './page.js';
import type { Dropped } from './dropped.js';
import type { Presence } from './presence.js';
import { type RequestReader, UnreadBodyError } from './raw-request.js';
import type { RecipientCounts } from './recipient-counts.js';
import type { RecordedRequest } from './request-log.js';
import type { Room } from './room.js';
import { sendJson, sendText, sendUnread } from './send-json.js';

/** Everything below this path is the emulator's own; the rest is the remote API's. */
export const CONTROL_PREFIX = '/__emulator';
const MAX_BODY_BYTES = 65_536;
const MAX_FAULTS = 1_000;
/** Answers that wait for clients to read them. */
const MAX_UNREAD_BYTES = 33_554_432;

/** What the control API reads and changes. */
export interface ControlledEmulator {
  readonly clock: EmulatorClock;
  readonly faults: Faults;
  readonly accepted: RecipientCounts;
  readonly deliveries: RecipientCounts;
  readonly dropped: Dropped;
  readonly requests: readonly RecordedRequest[];
  readonly rooms: readonly Room[];
  readonly loggedIn: Presence;
  room(roomId: string): Room;
  moduleOptions(): EmulatorModuleOptions;
  clear(): void;
}

interface ControlRequest {
  readonly emulator: ControlledEmulator;
  /** What the route's parentheses matched. */
  readonly parameters: readonly string[];
  readonly query: ReadonlyMap<string, string>;
  readonly body: Record<string, unknown>;
}

type Handler = (request: ControlRequest) => unknown;

/**
 * For other processes; each answers JSON. GET reads, PUT and DELETE change. Lists come in pages: a `Link` header names the
 * next. IDs in paths are percent-encoded; one that is `.` or `..` is written `%252E` or `%252E%252E`.
 */
const ROUTES: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
  ['GET', /^\/?$/, ({ emulator }) => describe(emulator)],
  [
    'GET',
    /^\/rooms$/,
    ({ emulator, query }) =>
      readPage(
        {
          items: emulator.rooms,
          numberOf: ({ number }) => number,
          toJson: ({ id, participants }) => ({ id, users: participants.map(({ userId }) => userId) }),
        },
        query,
      ),
  ],
  [
    'PUT',
    /^\/rooms\/([^/]+)\/users\/([^/]+)$/,
    ({ emulator, parameters: [roomId = '', userId = ''] }) => {
      join(emulator.room(roomId), userId);
      return { roomId, userId };
    },
  ],
  [
    'DELETE',
    /^\/rooms\/([^/]+)\/users\/([^/]+)$/,
    ({ emulator, parameters: [roomId = '', userId = ''] }) => {
      leave(emulator.room(roomId), userId, `in room ${roomId}`);
      return {};
    },
  ],
  [
    'GET',
    /^\/rooms\/([^/]+)\/users\/([^/]+)\/received$/,
    ({ emulator, parameters: [roomId = '', userId = ''], query }) =>
      receivedBy(emulator.room(roomId), userId, `in room ${roomId}`, query),
  ],
  [
    'GET',
    /^\/users$/,
    ({ emulator, query }) =>
      readPage(
        {
          items: emulator.loggedIn.participants,
          numberOf: ({ number }) => number,
          toJson: ({ userId }) => userId,
        },
        query,
      ),
  ],
  [
    'PUT',
    /^\/users\/([^/]+)$/,
    ({ emulator, parameters: [userId = ''] }) => {
      join(emulator.loggedIn, userId);
      return { userId };
    },
  ],
  [
    'DELETE',
    /^\/users\/([^/]+)$/,
    ({ emulator, parameters: [userId = ''] }) => {
      leave(emulator.loggedIn, userId, 'logged in');
      return {};
    },
  ],
  [
    'GET',
    /^\/users\/([^/]+)\/received$/,
    ({ emulator, parameters: [userId = ''], query }) =>
      receivedBy(emulator.loggedIn, userId, 'logged in', query),
  ],
  [
    'GET',
    /^\/requests$/,
    ({ emulator, query }) =>
      readPage(
        {
          items: emulator.requests,
          numberOf: (_request, index) => emulator.dropped.requests + index,
          toJson: ({ body, ...request }) => ({ ...request, body: body.toString('utf8') }),
        },
        query,
      ),
  ],
  [
    'GET',
    /^\/duplicates$/,
    ({ emulator, query }) =>
      readPage(
        {
          items: emulator.accepted.duplicates(),
          numberOf: (_duplicate, index) => emulator.accepted.firstListed + index,
          toJson: asItIs,
        },
        query,
      ),
  ],
  [
    'DELETE',
    /^\/record$/,
    ({ emulator }) => {
      emulator.clear();
      return {};
    },
  ],
  [
    'PUT',
    /^\/clock$/,
    ({ emulator, body: { offsetMs } }) => {
      if (typeof offsetMs !== 'number') throw new TypeError('offsetMs: must be a number');
      emulator.clock.offsetMs = offsetMs;
      return { offsetMs };
    },
  ],
  ['GET', /^\/faults$/, ({ emulator }) => listFaults(emulator)],
  [
    'PUT',
    /^\/faults$/,
    ({ emulator, body: { faults } }) => {
      if (!Array.isArray(faults) || faults.length > MAX_FAULTS) {
        throw new TypeError(`faults: must be an array of at most ${MAX_FAULTS} faults`);
      }
      emulator.faults.replace(faults as FaultRule[]);
      return listFaults(emulator);
    },
  ],
  [
    'DELETE',
    /^\/faults$/,
    ({ emulator }) => {
      emulator.faults.clear();
      return {};
    },
  ],
];

function listFaults(emulator: ControlledEmulator): unknown {
  return emulator.faults.active.map(({ rule, applied }) => ({
    ...rule,
    // A private key is no one's to read back.
    ...('key' in rule && { key: undefined }),
    applied,
  }));
}

class NotFoundError extends Error {}

/** The emulator's own part of its server. */
export class ControlApi {
  readonly #unread = new InFlight(MAX_UNREAD_BYTES);

  constructor(
    private readonly emulator: ControlledEmulator,
    private readonly reader: RequestReader,
  ) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#dispatch(request);
      const { text, next } = answer instanceof Page ? answer : new Page(JSON.stringify(answer), undefined);
      sendText(response, 200, text, next === undefined ? {} : { Link: linkTo(request.url, next) });
      this.#unread.hold(response, text.length);
    } catch (error) {
      if (error instanceof UnreadBodyError) sendUnread(response, error.httpStatus, { error: error.message });
      else sendJson(response, statusOf(error), { error: error instanceof Error ? error.message : 'failed' });
    }
  }

  async #dispatch(request: IncomingMessage): Promise<unknown> {
    const { method, path: fullPath, query, body } = await this.reader.read(request, MAX_BODY_BYTES);
    const path = fullPath.slice(CONTROL_PREFIX.length);
    for (const [routeMethod, pattern, handler] of ROUTES) {
      const match = method === routeMethod ? pattern.exec(path) : null;
      if (match === null) continue;
      return handler({
        emulator: this.emulator,
        parameters: match.slice(1).map(idInPath),
        query: new Map(query),
        body: body.length === 0 ? {} : readObject(body),
      });
    }
    throw new NotFoundError('There is no such method and path in the control API');
  }
}

function linkTo(url = '', offset: number): string {
  const [path = '', query] = url.split(/\?(.*)/s, 2);
  const parameters = new URLSearchParams(query);
  parameters.set('offset', String(offset));
  return `<${path}?${parameters.toString()}>; rel="next"`;
}

function statusOf(error: unknown): number {
  if (error instanceof NotFoundError) return 404;
  return error instanceof NoRoomLeftError ? 503 : 400;
}

/** What was sent is in no error: it may be a private key. */
function readObject(body: Buffer): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    // Node's own words quote it.
  }
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('The body must be a JSON object.');
  return parsed as Record<string, unknown>;
}

function join(presence: Presence, userId: string): void {
  presence.checkRoomFor(userId);
  presence.join(userId);
}

function leave(presence: Presence, userId: string, where: string): void {
  present(presence.participant(userId), userId, where).leave();
}

function receivedBy(
  presence: Presence,
  userId: string,
  where: string,
  query: ReadonlyMap<string, string>,
): Page {
  const { received, droppedReceived } = present(presence.lastSeen(userId), userId, where);
  const numberOf = (_message: ReceivedMessage, index: number): number => droppedReceived + index;
  return readPage({ items: received, numberOf, toJson: toMessageJson }, query);
}

function present(participant: Participant | undefined, userId: string, where: string): Participant {
  if (participant === undefined) throw new NotFoundError(`${userId} is not ${where}`);
  return participant;
}

function asItIs<T>(value: T): T {
  return value;
}

function describe(emulator: ControlledEmulator): Record<string, unknown> {
  const { appId, from, endpoint, credentials } = emulator.moduleOptions();
  return {
    endpoint,
    appId,
    from,
    accessKeyId: credentials.accessKeyId,
    requests: emulator.requests.length,
    accepted: emulator.accepted.total,
    deliveries: emulator.deliveries.total,
    duplicates: emulator.accepted.duplicateCount,
    dropped: emulator.dropped,
  };
}
