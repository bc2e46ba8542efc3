import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventCallback } from './callback-url.js';
import { callMethod } from './client-call.js';
import type { EmulatorState } from './emulator-state.js';
import { checkedOptions } from '../options/read-options.js';
import { flag, must } from '../options/rules.js';
import type { FaultRule } from './fault.js';
import { CLOCK_OFFSET } from './fault-kinds.js';
import { readObject, sendText } from './http-body.js';
import { ensure } from './http-error.js';
import { pageOf } from './listing.js';
import { type Participant, toMessageJson, userIdOf } from './participant.js';
import type { Presence } from './presence.js';
import { idInPath, splitUrl } from './received-request.js';

/** Everything below this path is the emulator's own; the rest is the remote API's. */
export const CONTROL_PREFIX = '/__emulator';

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\s*/gs;

interface ControlRequest {
  readonly state: EmulatorState;
  /** Of a path that names a user. */
  readonly userId: string;
  /** In the room that a path names; otherwise, of those who are logged in. */
  readonly presence: Presence;
  readonly body: Readonly<Record<string, unknown>>;
  /** @throws HttpError where whoever asks may not have the emulator post to a URL */
  checkReach(url: unknown): void;
  /** The page of a list that was asked for: see {@link pageOf}. */
  page<T>(items: readonly T[], toJson?: (item: T) => unknown, dropped?: number): unknown[];
}

/** @returns what is answered as JSON, or will be: nothing as `{}` */
type Handler = (request: ControlRequest) => unknown;

/** Of a user who is there. */
const ofUser =
  (handle: (participant: Participant, request: ControlRequest) => unknown): Handler =>
  (request) => {
    const { presence, userId } = request;
    const participant = presence.participant(userId);
    const where = presence.id === '' ? 'logged in' : `in room ${presence.id}`;
    ensure(participant, 404, `${userId} is not ${where}`);
    return handle(participant, request);
  };

/**
 * For other processes; each answers JSON. GET reads, the others change. Lists come in pages: a `Link` header names the
 * next. A user's path may begin with `/rooms/:id`, for that room. IDs in paths are percent-encoded; one that is `.` or
 * `..` is written `%252E` or `%252E%252E`.
 */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /': ({ state }) => {
    const { endpoint, appId, from, credentials } = state.moduleOptions();
    const { requests, accepted, deliveries, dropped } = state;
    const counts = {
      accepted: accepted.total,
      deliveries: deliveries.total,
      duplicates: accepted.duplicateCount,
    };
    const { accessKeyId } = credentials;
    return { endpoint, appId, from, accessKeyId, requests: requests.length, ...counts, dropped };
  },
  'GET /rooms': ({ state, page }) =>
    page(state.rooms, ({ id, participants }) => ({ id, users: participants.map(userIdOf) })),
  'GET /users': ({ presence, page }) => page(presence.participants, userIdOf),
  'PUT /users/:id': ({ presence, userId, body }) => {
    const token = must<string>('a string', (given) => typeof given === 'string');
    const { roomId } = presence.join(userId, checkedOptions({ token, invisible: flag }, body, '', 'body'));
    return { roomId, userId };
  },
  'GET /users/:id': ofUser(({ roomId, userId, invisible, token }) => ({ roomId, userId, invisible, token })),
  'DELETE /users/:id': ofUser((participant) => participant.leave()),
  'GET /users/:id/received': ofUser(({ received, droppedReceived }, { page }) =>
    page(received, toMessageJson, droppedReceived),
  ),
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
  'GET /callbacks/sent': ({ state: { callbacks }, page }) =>
    page(callbacks.sent, undefined, callbacks.list.dropped),
  'GET /requests': ({ state: { requests, dropped }, page }) =>
    page(requests, (request) => ({ ...request, body: request.body.toString() }), dropped.requests),
  'GET /duplicates': ({ state: { accepted }, page }) => page(accepted.duplicates()),
  'DELETE /record': ({ state }) => state.clear(),
  'PUT /clock': ({ state, body }) => {
    const { offsetMs } = checkedOptions({ offsetMs: CLOCK_OFFSET }, body, '', 'body');
    state.clock.offsetMs = offsetMs;
    return { offsetMs };
  },
  'GET /faults': listFaults,
  'PUT /faults': ({ state, body }) => {
    const rule = must<FaultRule[]>('an array of faults', Array.isArray);
    state.faults.replace(checkedOptions({ faults: { rule, required: true } }, body, '', 'body').faults);
    return listFaults({ state });
  },
  'DELETE /faults': ({ state }) => state.faults.clear(),
};

/**
 * Serves the emulator's own part of its server.
 * @throws HttpError or TypeError for what can't be done
 */
export async function serveControlApi(
  state: EmulatorState,
  { method, url = '/', socket: { remoteAddress } }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { path, query } = splitUrl(url);
  const below = path.slice(CONTROL_PREFIX.length) || '/';
  const [, room, user, what = ''] =
    /^(?:\/rooms\/([^/]+))?\/users\/([^/]+)(\/received|\/calls)?$/.exec(below) ?? [];
  const route = `${method} ${user === undefined ? below : `/users/:id${what}`}`;
  const handler = Object.hasOwn(ROUTES, route) ? ROUTES[route] : undefined;
  ensure(handler, 404, 'There is no such method and path in the control API');
  const answer = await handler({
    state,
    userId: user === undefined ? '' : idInPath(user),
    presence: state.presenceOf(room === undefined ? undefined : idInPath(room)),
    body: body.length === 0 ? {} : readObject(body),
    checkReach: (target) => state.callbacks.checkReach(target, remoteAddress),
    page(items, toJson, dropped) {
      const { page, next } = pageOf(items, query, toJson, dropped);
      query.set('offset', String(next));
      if (next !== undefined) response.setHeader('Link', `<${path}?${query.toString()}>; rel="next"`);
      return page;
    },
  });
  // With a line break, so that a terminal's prompt begins a line of its own after curl's output.
  sendText(response, `${JSON.stringify(answer ?? {})}\n`);
}

function listFaults({ state }: Pick<ControlRequest, 'state'>): unknown {
  return state.faults.active.map(({ rule, applied }) => ({ ...withoutKey(rule), applied }));
}

/** A private key is no one's to read back, be it in one text with its certificate. */
function withoutKey(rule: FaultRule): object {
  if (!('key' in rule)) return rule;
  const { key: _key, cert, ...others } = rule;
  return { ...others, cert: cert.replaceAll(PRIVATE_KEY, '') };
}
