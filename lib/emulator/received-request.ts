import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FaultTarget } from './fault.js';

/** A request as it came, before anything of it is believed. */
export class ReceivedRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded, in the order in which they came. */
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly action: string;
  readonly version: string;
  /** Undefined where the body is none: to read a large one costs more than all else, and is done once. */
  readonly json: unknown;

  constructor(
    { method = 'GET', url = '/', headersDistinct }: IncomingMessage,
    readonly body: Buffer,
  ) {
    this.method = method;
    ({ path: this.path, query: this.query } = splitUrl(url));
    this.headers = new Map(
      Object.entries(headersDistinct).map(([name, values = []]) => [name, values.join()]),
    );
    this.action = this.query.get('Action') ?? '';
    this.version = this.query.get('Version') ?? '';
    this.json = body.length === 0 ? undefined : parse(body);
  }

  /** A fault may be meant for a room or a user, whatever else is wrong with the body. */
  get target(): FaultTarget {
    const { RoomId = this.query.get('RoomId'), To } = (this.json ?? {}) as { RoomId?: unknown; To?: unknown };
    return {
      action: this.action,
      roomId: typeof RoomId === 'string' ? RoomId : '',
      to: (Array.isArray(To) ? To : [To]).filter((userId) => typeof userId === 'string'),
    };
  }
}

/** As it came: a `URL` would resolve dots in the path. */
export function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const [path = '/', query] = url.split(/\?(.*)/s, 2);
  return { path, query: new URLSearchParams(query) };
}

/**
 * The ID that a part of a path stands for. Browsers and `fetch` take `.` and `..` in a path, also as `%2E`, for the
 * way to another one, and ask for that. So a client writes an ID that is nothing but one or two dots with `%252E` for
 * each. An ID has no `%`, so that nothing else is meant by it.
 * @throws TypeError where it can't be decoded
 */
export function idInPath(part: string): string {
  try {
    const id = decodeURIComponent(part);
    return /^(%2e){1,2}$/i.test(id) ? decodeURIComponent(id) : id;
  } catch {
    throw new TypeError('the path holds an ID that is not percent-encoded UTF-8');
  }
}

function parse(body: Buffer): unknown {
  try {
    return isUtf8(body) ? JSON.parse(body.toString()) : undefined;
  } catch {
    // Whoever needs it says so.
    return undefined;
  }
}
