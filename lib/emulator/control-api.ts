import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventCallback } from './callback-url.js';
import { callMethod } from './client-call.js';
import type { EmulatorState } from './emulator-state.js';
import type { OptionValues } from '../options/option-table.js';
import { failWith, readOptions } from '../options/read-options.js';
import { flag, must } from '../options/rules.js';
import type { FaultRule } from './fault.js';
import { CLOCK_OFFSET } from './fault-kinds.js';
import { HttpError } from './http-error.js';
import { Page, pageOf } from './listing.js';
import { type Participant, toMessageJson } from './participant.js';
import type { Presence } from './presence.js';
import { readBody, readObject } from './read-body.js';
import { idInPath, splitUrl } from './received-request.js';
import { sendError, sendText, sendUnread } from './send-json.js';

/** Everything below this path is the emulator's own; the rest is the remote API's. */
export const CONTROL_PREFIX = '/__emulator';
/** The longest message to the business server, each of its characters escaped. */
const MAX_BODY_BYTES = 400_000;

interface ControlRequest {
  readonly state: EmulatorState;
  /** Of a path that names a user. */
  readonly userId: string;
  /** Of a path that names one; otherwise it is for those who are logged in. */
  readonly roomId: string | undefined;
  readonly presence: Presence;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** @throws HttpError where whoever asks may not have the emulator post to a URL */
  checkReach(url: unknown): void;
}

/** @returns what is answered as JSON, or will be: nothing as `{}` */
type Handler = (request: ControlRequest) => unknown;

/** Of a user who is there. */
const ofUser =
  (handle: (participant: Participant, request: ControlRequest) => unknown): Handler =>
  (request) =>
    handle(found(request, request.presence.participant(request.userId)), request);

/**
 * For other processes; each answers JSON. GET reads, the others change. Lists come in pages: a `Link` header names the
 * next. A user's path may begin with `/rooms/:id`, for that room. IDs in paths are percent-encoded; one that is `.` or
 * `..` is written `%252E` or `%252E%252E`.
 */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /': ({ state }) => describe(state),
  'GET /rooms': ({ state, query }) =>
    pageOf(query, state.rooms, ({ id, participants }) => ({ id, users: participants.map(userIdOf) })),
  'GET /users': ({ presence, query }) => pageOf(query, presence.participants, userIdOf),
  'PUT /users/:id': ({ presence, roomId, userId, body }) => {
    const options = fieldsOf(body, {
      token: must<string>('a string', (given) => typeof given === 'string'),
      invisible: flag,
    });
    presence.join(userId, options);
    return { roomId, userId };
  },
  'GET /users/:id': ofUser(({ roomId, userId, invisible, token }) => ({ roomId, userId, invisible, token })),
  'DELETE /users/:id': ofUser((participant) => participant.leave()),
  'GET /users/:id/received': (request) => {
    const { received, droppedReceived } = found(request, request.presence.lastSeen(request.userId));
    return pageOf(request.query, received, toMessageJson, droppedReceived);
  },
  'POST /users/:id/calls': ofUser((participant, { body, checkReach }) =>
    callMethod(participant, body, checkReach),
  ),
  'GET /callbacks': ({ state }) => ({ url: state.callbacks.url }),
  'PUT /callbacks': ({ state, body, checkReach }) => {
    checkReach(body['url']);
    state.callbacks.register(body as unknown as EventCallback);
    return { url: state.callbacks.url };
  },
  'DELETE /callbacks': ({ state }) => state.callbacks.unregister(),
  'GET /callbacks/sent': ({ state: { callbacks }, query }) =>
    pageOf(query, callbacks.sent, undefined, callbacks.firstNumber),
  'GET /requests': ({ state: { requests, dropped }, query }) => {
    const toJson = ({ body, ...request }: (typeof requests)[number]) => ({
      ...request,
      body: body.toString(),
    });
    return pageOf(query, requests, toJson, dropped.requests);
  },
  'GET /duplicates': ({ state: { accepted }, query }) =>
    pageOf(query, accepted.duplicates(), undefined, accepted.unlisted),
  'DELETE /record': ({ state }) => state.clear(),
  'PUT /clock': ({ state, body }) => {
    const { offsetMs } = fieldsOf(body, { offsetMs: CLOCK_OFFSET });
    state.clock.offsetMs = offsetMs;
    return { offsetMs };
  },
  'GET /faults': ({ state }) => listFaults(state),
  'PUT /faults': ({ state, body }) => {
    const rule = must<FaultRule[]>('an array of faults', Array.isArray);
    state.faults.replace(fieldsOf(body, { faults: { rule, required: true } }).faults);
    return listFaults(state);
  },
  'DELETE /faults': ({ state }) => state.faults.clear(),
};

/** Serves the emulator's own part of its server. */
export async function serveControlApi(
  state: EmulatorState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body: Buffer;
  try {
    body = await readBody(request, MAX_BODY_BYTES);
  } catch (error) {
    sendUnread(response, error);
    return;
  }
  try {
    const { path, query } = splitUrl(request.url ?? '/');
    const answer = await answerTo(state, request, path.slice(CONTROL_PREFIX.length) || '/', query, body);
    const { text, next } =
      answer instanceof Page ? answer : new Page(JSON.stringify(answer ?? {}), undefined);
    if (next !== undefined) {
      query.set('offset', String(next));
      response.setHeader('Link', `<${path}?${query.toString()}>; rel="next"`);
    }
    // With a line break, so that a terminal's prompt begins a line of its own after curl's output.
    sendText(response, 200, `${text}\n`);
  } catch (error) {
    sendError(response, error);
  }
}

function answerTo(
  state: EmulatorState,
  { method, socket: { remoteAddress } }: IncomingMessage,
  path: string,
  query: URLSearchParams,
  body: Buffer,
): unknown {
  const [, room, user, what = ''] =
    /^(?:\/rooms\/([^/]+))?\/users\/([^/]+)(\/received|\/calls)?$/.exec(path) ?? [];
  const route = `${method} ${user === undefined ? path : `/users/:id${what}`}`;
  const handler = Object.hasOwn(ROUTES, route) ? ROUTES[route] : undefined;
  if (handler === undefined) throw new HttpError(404, 'There is no such method and path in the control API');
  const roomId = room === undefined ? undefined : idInPath(room);
  return handler({
    state,
    userId: user === undefined ? '' : idInPath(user),
    roomId,
    presence: state.presenceOf(roomId),
    query,
    body: body.length === 0 ? {} : readObject(body),
    checkReach: (url) => state.callbacks.checkReach(url, remoteAddress),
  });
}

/**
 * The fields of a body. An unknown one would be ignored.
 * @throws TypeError naming each invalid field
 */
function fieldsOf<const Table extends object>(body: object, table: Table): OptionValues<Table> {
  const { values, problems } = readOptions(table, body, '', { whole: 'body' });
  failWith(problems);
  return values;
}

function listFaults(state: EmulatorState): unknown {
  // A private key is no one's to read back.
  return state.faults.active.map(({ rule, applied }) => ({ ...rule, key: undefined, applied }));
}

function found({ userId, roomId }: ControlRequest, participant: Participant | undefined): Participant {
  if (participant !== undefined) return participant;
  throw new HttpError(404, `${userId} is not ${roomId === undefined ? 'logged in' : `in room ${roomId}`}`);
}

function userIdOf({ userId }: Participant): string {
  return userId;
}

function describe(state: EmulatorState): Record<string, unknown> {
  const { endpoint, appId, from, credentials } = state.moduleOptions();
  return {
    endpoint,
    appId,
    from,
    accessKeyId: credentials.accessKeyId,
    requests: state.requests.length,
    accepted: state.accepted.total,
    deliveries: state.deliveries.total,
    duplicates: state.accepted.duplicateCount,
    dropped: state.dropped,
  };
}
