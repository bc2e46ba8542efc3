import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeliveryRecord } from './delivery-record.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { EmulatorModuleOptions } from './emulator-module-options.js';
import { idInPath } from './id-in-path.js';
import { toMessageJson } from './message-json.js';
import type { FaultRule } from './fault.js';
import type { Faults } from './faults.js';
import type { Participant } from './participant.js';
import type { Presence } from './presence.js';
import { readRawRequest } from './raw-request.js';
import type { RecordedRequest } from './request-log.js';
import type { Room } from './room.js';
import { sendJson } from './send-json.js';

/** Everything below this path is the emulator's own; the rest is the remote API's. */
export const CONTROL_PREFIX = '/__emulator';
const MAX_BODY_BYTES = 65_536;

/** What the control API reads and changes. */
export interface ControlledEmulator {
  readonly clock: EmulatorClock;
  readonly faults: Faults;
  readonly deliveries: DeliveryRecord;
  readonly requests: readonly RecordedRequest[];
  readonly rooms: readonly Room[];
  readonly loggedIn: Presence;
  room(roomId: string): Room;
  roomIfAny(roomId: string): Room | undefined;
  moduleOptions(): EmulatorModuleOptions;
  clear(): void;
}

interface ControlRequest {
  readonly emulator: ControlledEmulator;
  /** What the route's parentheses matched. */
  readonly parameters: readonly string[];
  readonly body: Record<string, unknown>;
}

type Handler = (request: ControlRequest) => unknown;

/**
 * For other processes; each answers JSON. GET reads, PUT and DELETE change (which a foreign web page can't send). IDs in
 * paths are percent-encoded; one that is `.` or `..` is written `%252E` or `%252E%252E`.
 */
const ROUTES: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
  ['GET', /^\/?$/, ({ emulator }) => describe(emulator)],
  [
    'GET',
    /^\/rooms$/,
    ({ emulator }) =>
      emulator.rooms.map(({ id, participants }) => ({ id, users: participants.map(({ userId }) => userId) })),
  ],
  [
    'PUT',
    /^\/rooms\/([^/]+)\/users\/([^/]+)$/,
    ({ emulator, parameters: [roomId = '', userId = ''] }) => {
      emulator.room(roomId).join(userId);
      return { roomId, userId };
    },
  ],
  [
    'DELETE',
    /^\/rooms\/([^/]+)\/users\/([^/]+)$/,
    ({ emulator, parameters: [roomId = '', userId = ''] }) => {
      leave(emulator.roomIfAny(roomId), userId, `in room ${roomId}`);
      return {};
    },
  ],
  [
    'GET',
    /^\/rooms\/([^/]+)\/users\/([^/]+)\/received$/,
    ({ emulator, parameters: [roomId = '', userId = ''] }) =>
      receivedBy(emulator.roomIfAny(roomId), userId, `in room ${roomId}`),
  ],
  ['GET', /^\/users$/, ({ emulator }) => emulator.loggedIn.participants.map(({ userId }) => userId)],
  [
    'PUT',
    /^\/users\/([^/]+)$/,
    ({ emulator, parameters: [userId = ''] }) => {
      emulator.loggedIn.join(userId);
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
    ({ emulator, parameters: [userId = ''] }) => receivedBy(emulator.loggedIn, userId, 'logged in'),
  ],
  [
    'GET',
    /^\/requests$/,
    ({ emulator }) =>
      emulator.requests.map(({ body, ...request }) => ({ ...request, body: body.toString('utf8') })),
  ],
  ['GET', /^\/duplicates$/, ({ emulator }) => emulator.deliveries.duplicates()],
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
      if (!Array.isArray(faults)) throw new TypeError('faults: must be an array of faults');
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

export async function handleControlRequest(
  emulator: ControlledEmulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    sendJson(response, 200, await dispatch(emulator, request));
  } catch (error) {
    const status = error instanceof NotFoundError ? 404 : 400;
    sendJson(response, status, { error: error instanceof Error ? error.message : 'failed' }, { close: true });
  }
}

async function dispatch(emulator: ControlledEmulator, request: IncomingMessage): Promise<unknown> {
  const { method, path: fullPath, body } = await readRawRequest(request, MAX_BODY_BYTES);
  const path = fullPath.slice(CONTROL_PREFIX.length);
  for (const [routeMethod, pattern, handler] of ROUTES) {
    const match = method === routeMethod ? pattern.exec(path) : null;
    if (match === null) continue;
    const parameters = match.slice(1).map(idInPath);
    return handler({ emulator, parameters, body: body.length === 0 ? {} : readObject(body) });
  }
  throw new NotFoundError(`${method} ${fullPath} is not part of the control API`);
}

function readObject(body: Buffer): Record<string, unknown> {
  const parsed: unknown = JSON.parse(body.toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('The body must be a JSON object.');
  return parsed as Record<string, unknown>;
}

function leave(presence: Presence | undefined, userId: string, where: string): void {
  present(presence?.participant(userId), userId, where).leave();
}

function receivedBy(presence: Presence | undefined, userId: string, where: string): unknown {
  return present(presence?.lastSeen(userId), userId, where).received.map(toMessageJson);
}

function present(participant: Participant | undefined, userId: string, where: string): Participant {
  if (participant === undefined) throw new NotFoundError(`${userId} is not ${where}`);
  return participant;
}

function describe(emulator: ControlledEmulator): Record<string, unknown> {
  const { appId, from, endpoint, credentials } = emulator.moduleOptions();
  return {
    endpoint,
    appId,
    from,
    accessKeyId: credentials.accessKeyId,
    requests: emulator.requests.length,
    deliveries: emulator.deliveries.total,
  };
}
