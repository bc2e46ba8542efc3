import { isPromise } from 'node:util/types';
import { resolveSettings } from '../config/resolve-settings.js';
import { HealthRecord } from '../health/health-record.js';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import { ActionCaller } from '../services/action-caller.js';
import type { ReceiptTracker } from '../services/receipt-tracker.js';
import { RoomBroadcastService } from '../services/room-broadcast.service.js';
import { RoomPresenceService } from '../services/room-presence.service.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { RtcOpenApiService } from '../services/rtc-open-api.service.js';
import { RtcTokenService } from '../services/rtc-token.service.js';
import { UserUnicastService } from '../services/user-unicast.service.js';
import { AcceptingSender } from './accepting-sender.js';

/** The names of a service's methods. */
export type MethodName<Service> = {
  [Name in keyof Service]: Service[Name] extends (...given: never[]) => unknown ? Name : never;
}[keyof Service];

/**
 * The test's own functions for some methods. Their return value is returned to the app. If it is `undefined`, the app
 * gets the default answer. Untyped functions such as `jest.fn()` fit too.
 */
export type MockedMethods<Service> = {
  readonly [Name in MethodName<Service>]?: Service[Name] | ((...given: unknown[]) => unknown) | undefined;
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

/** Any receipt may be asked for, and none comes. */
const NO_RECEIPTS: ReceiptTracker = {
  limits: { maxAwaited: Infinity },
  expect: async () => true,
  withdraw: async () => undefined,
  look: async () => [],
};

/** Mocks of the services, whose default answers are those of the real services with a sender that accepts everything. */
export function createMocks(
  name: string | undefined,
  mocks: RtcMessagingMocks,
): Record<keyof RtcMessagingMocks, object> {
  const settings = resolveSettings(
    {
      appId: 'test-app',
      appKey: 'test-app-key',
      from: 'server',
      credentials: { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' },
    },
    {},
    { name },
  );
  const sender = new AcceptingSender(settings);
  const caller = new ActionCaller(settings, sender, NO_RECEIPTS);
  return {
    roomUnicast: createMock(new RoomUnicastService(caller, settings, sender), mocks.roomUnicast),
    roomBroadcast: createMock(new RoomBroadcastService(caller), mocks.roomBroadcast),
    userUnicast: createMock(new UserUnicastService(caller), mocks.userUnicast),
    presence: createMock(new RoomPresenceService(caller), mocks.presence),
    openApi: createMock(new RtcOpenApiService(caller), mocks.openApi),
    tokens: createMock(new RtcTokenService(settings), mocks.tokens),
    health: createMock(new RtcHealthIndicator(sender, new HealthRecord()), mocks.health),
  };
}

type AnyFunction = (...given: unknown[]) => unknown;

const CALLS = new WeakMap<object, unknown[][]>();

/** The arguments of each call of a mock's method, oldest first. */
export function callsOf(method: unknown): unknown[][] {
  const calls = CALLS.get(method as object);
  if (calls === undefined) throw new TypeError('callsOf() was given what is no method of a mock');
  return calls;
}

/** Makes a plain object with the members of a service. Each method records its calls. */
function createMock(service: object, methods: Readonly<Record<string, unknown>> = {}): object {
  const members = Object.getOwnPropertyNames(Object.getPrototypeOf(service)).filter(
    (name) => name !== 'constructor',
  );
  return Object.fromEntries(
    members.map((name) => {
      const member = (service as Readonly<Record<string, unknown>>)[name];
      if (typeof member !== 'function') return [name, member];
      const byDefault = member.bind(service) as AnyFunction;
      const { [name]: own = () => undefined } = methods;
      return [name, noteCalls(own as AnyFunction, byDefault)];
    }),
  );
}

/** A proxy, so that a mock function of Jest or Vitest remains one. */
function noteCalls(method: AnyFunction, byDefault: AnyFunction): AnyFunction {
  const calls: unknown[][] = [];
  const noting = new Proxy(method, {
    apply: (target, self, given: unknown[]) => {
      calls.push(given);
      const result: unknown = Reflect.apply(target, self, given);
      const orDefault = (value: unknown): unknown => (value === undefined ? byDefault(...given) : value);
      return isPromise(result) ? result.then(orDefault) : orDefault(result);
    },
  });
  CALLS.set(noting, calls);
  return noting;
}
