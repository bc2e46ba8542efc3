import { isPromise } from 'node:util/types';
import type { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import type { RoomBroadcastService } from '../services/room-broadcast.service.js';
import type { RoomPresenceService } from '../services/room-presence.service.js';
import type { RoomUnicastService } from '../services/room-unicast.service.js';
import type { RtcOpenApiService } from '../services/rtc-open-api.service.js';
import type { RtcTokenService } from '../services/rtc-token.service.js';
import type { UserUnicastService } from '../services/user-unicast.service.js';

/**
 * The test's own functions for some methods. Their return value is returned to the app. If it is `undefined`, the app
 * gets the default answer. Untyped functions such as `jest.fn()` fit too.
 */
export type MockedMethods<Service> = {
  readonly [Name in keyof Service]?: Service[Name] | ((...given: unknown[]) => unknown) | undefined;
};

/** The test's own functions, by service. */
export interface RtcMessagingMocks {
  /** For `RoomUnicastService`. */
  readonly roomUnicast?: MockedMethods<RoomUnicastService> | undefined;
  /** For `RoomBroadcastService`. */
  readonly roomBroadcast?: MockedMethods<RoomBroadcastService> | undefined;
  /** For `UserUnicastService`. */
  readonly userUnicast?: MockedMethods<UserUnicastService> | undefined;
  /** For `RoomPresenceService`: by default, it knows of no one, and says so (`complete` is false). */
  readonly presence?: MockedMethods<RoomPresenceService> | undefined;
  /** For `RtcOpenApiService`: by default, every `Result` is undefined. */
  readonly openApi?: MockedMethods<RtcOpenApiService> | undefined;
  /** For `RtcTokenService`. */
  readonly tokens?: MockedMethods<RtcTokenService> | undefined;
  /** For `RtcHealthIndicator`. */
  readonly health?: MockedMethods<RtcHealthIndicator> | undefined;
}

type AnyFunction = (...given: unknown[]) => unknown;

/** The arguments of each call of a mock's method, oldest first. */
export const CALLS = new WeakMap<object, unknown[][]>();

/**
 * Makes a plain object with the members of a service. Each method records its calls.
 * @param methods the test's own functions; where one returns `undefined`, the service answers
 */
export function createMock(service: object, methods: Readonly<Record<string, unknown>> = {}): object {
  const members = Object.getOwnPropertyNames(Object.getPrototypeOf(service)).filter(
    (name) => name !== 'constructor',
  );
  return Object.fromEntries(
    members.map((name) => {
      const member = (service as Readonly<Record<string, unknown>>)[name];
      if (typeof member !== 'function') return [name, member];
      const byDefault = member.bind(service) as AnyFunction;
      const { [name]: own = () => undefined } = methods;
      return [name, noteCalls(own as AnyFunction, methods, byDefault)];
    }),
  );
}

/**
 * A proxy, so that a mock function of Jest or Vitest remains one.
 * @param owner what the method is called on: it may be an object with a state of its own
 */
function noteCalls(method: AnyFunction, owner: object, byDefault: AnyFunction): AnyFunction {
  const calls: unknown[][] = [];
  const noting = new Proxy(method, {
    apply: (target, _service, given: unknown[]) => {
      calls.push(given);
      const result: unknown = Reflect.apply(target, owner, given);
      const orDefault = (value: unknown): unknown => (value === undefined ? byDefault(...given) : value);
      return isPromise(result) ? result.then(orDefault) : orDefault(result);
    },
  });
  CALLS.set(noting, calls);
  return noting;
}
