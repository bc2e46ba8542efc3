import { RtcConfigError } from '../errors/rtc-config.error.js';
import { EVENT_TYPE, type RtcEventType } from './rtc-callback-event.js';

/** Which module's events or messages a method handles. */
export interface RtcHandlerOptions {
  /** Name of the `RtcCallbackModule`. Default: the one without a name. */
  readonly name?: string | undefined;
}

type Handled = RtcHandlerOptions & { readonly type: string };

/** In place of an event's type, none of which has spaces. */
export const CLIENT_MESSAGE = 'a client message';

// Strings, since an ES module copy and a CommonJS copy of this package may be loaded side by side.
const HANDLED = 'nestjs-rtc-messaging:handled';
/** Of the method's arguments, as Nest's own decorators of arguments write it down: pipes need it. */
export const HANDLER_ARGUMENTS = 'nestjs-rtc-messaging:handler-arguments';

/**
 * Calls the method of a provider for each event of a type that the service tells of, or with `*` for each event, with
 * an `RtcCallbackEvent`. The guards, pipes and interceptors of the method and its class apply; the app's global ones
 * and exception filters do not. If it throws, the service sends the event again, twice at most, and the method is
 * called again: it is called at least once.
 * @throws RtcConfigError on what is no type, no method of instances, or is named by a symbol
 */
export function OnRtcEvent(
  type: RtcEventType | '*' | (string & {}),
  options?: RtcHandlerOptions,
): MethodDecorator {
  const isType = type === '*' || (typeof type === 'string' && EVENT_TYPE.test(type));
  if (!isType) fail('@OnRtcEvent()', "must be an event's type, such as UserJoinRoom, or *");
  return handles(type, options);
}

/**
 * Calls the method of a provider for each message that a client sends to the business server, with an
 * `RtcClientMessage`. What it returns, text or bytes of at most 64 KB, is the client's answer. One method for each
 * module does that. The guards, pipes and interceptors of the method and its class apply; the app's global ones and
 * exception filters do not.
 * @throws RtcConfigError on what is no method of instances, or is named by a symbol
 */
export function OnClientMessage(options?: RtcHandlerOptions): MethodDecorator {
  return handles(CLIENT_MESSAGE, options);
}

function handles(type: string, { name }: RtcHandlerOptions = {}): MethodDecorator {
  return (target, key, descriptor?: PropertyDescriptor) => {
    const isMethod = typeof descriptor?.value === 'function' && typeof target === 'object';
    if (!isMethod || typeof key === 'symbol') fail(`${String(key)}()`, 'must be a method of instances');
    const others: readonly Handled[] = Reflect.getOwnMetadata(HANDLED, target, key) ?? [];
    Reflect.defineMetadata(HANDLED, [...others, { type, name }], target, key);
    const first = { '0:0': { index: 0, data: undefined, pipes: [] } };
    Reflect.defineMetadata(HANDLER_ARGUMENTS, first, target.constructor, key);
  };
}

function fail(what: string, message: string): never {
  throw new RtcConfigError([{ option: `RtcCallbackModule ${what}`, message }]);
}

/** All that a method of a class handles, as it was decorated there or in a class that it extends. */
export function handledBy(prototype: object, key: string): readonly Handled[] {
  return Reflect.getMetadata(HANDLED, prototype, key) ?? [];
}
