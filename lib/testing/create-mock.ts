import { isPromise } from 'node:util/types';

type AnyFunction = (...given: unknown[]) => unknown;

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

/** By method: throws for arguments that the service refuses. */
export type RequestChecks<Service> = {
  readonly [Name in MethodName<Service>]: (...given: unknown[]) => unknown;
};

const CALLS = new WeakMap<object, unknown[][]>();

/**
 * Makes a plain object with the methods of a service. Each method records its calls.
 * @param service makes the default answers and validates the arguments
 */
export function createMock<Service extends object>(
  service: Service,
  checks: RequestChecks<Service>,
  methods: MockedMethods<Service> = {},
): Service {
  const names = Object.keys(checks) as MethodName<Service>[];
  return Object.fromEntries(
    names.map((name) => {
      const byDefault = (service[name] as AnyFunction).bind(service);
      const own = methods[name] as AnyFunction | undefined;
      return [name, own === undefined ? noteCalls(byDefault) : noteCalls(own, checks[name], byDefault)];
    }),
  ) as Service;
}

/** The arguments of each call of a mock's method, oldest first. */
export function callsOf(method: unknown): unknown[][] {
  const calls = CALLS.get(method as object);
  if (calls === undefined) throw new TypeError('callsOf() was given what is no method of a mock');
  return calls;
}

/** A proxy, so that a mock function of Jest or Vitest remains one. */
function noteCalls(
  method: AnyFunction,
  check: AnyFunction = () => undefined,
  byDefault: AnyFunction = () => undefined,
): AnyFunction {
  const calls: unknown[][] = [];
  const noting = new Proxy(method, {
    apply: (target, self, given: unknown[]) => {
      calls.push(given);
      // Refuses the arguments as the service would, possibly by a rejected promise.
      if (!passes(check, given)) return byDefault(...given);
      const result: unknown = Reflect.apply(target, self, given);
      return orDefault(result, () => byDefault(...given));
    },
  });
  CALLS.set(noting, calls);
  return noting;
}

/** Return value of a mock function. If it is undefined, the service's answer. */
function orDefault(result: unknown, byDefault: () => unknown): unknown {
  if (result === undefined) return byDefault();
  if (!isPromise(result)) return result;
  return result.then((value) => (value === undefined ? byDefault() : value));
}

function passes(check: AnyFunction, given: unknown[]): boolean {
  try {
    check(...given);
    return true;
  } catch {
    return false;
  }
}
