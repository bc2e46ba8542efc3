import {
  ApplicationConfig,
  type DiscoveryService,
  ExternalContextCreator,
  type MetadataScanner,
  ModuleRef,
} from '@nestjs/core';
import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import { type Handled, handledBy, HANDLER_ARGUMENTS } from './handler-decorators.js';

/** A method of the app. */
export interface Handler {
  /** Its class and its name, for the log. */
  readonly label: string;
  readonly handled: readonly Handled[];
  run(argument: unknown): Promise<unknown>;
}

/** A method that handles events of these types. */
export interface EventHandler extends Handler {
  readonly types: readonly string[];
}

/** Those of one module. */
export type Handlers = ReturnType<typeof handlersFor>;

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/**
 * Finds the methods with our decorators, of providers and controllers.
 * @throws RtcConfigError for handlers that could never be called as they are
 */
export function findHandlers(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  contexts: ExternalContextCreator,
): Handler[] {
  const problems: ConfigProblem[] = [];
  const found = new Map<object, Handler[]>();
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const instance: unknown = wrapper.instance;
    // One instance may be provided under several tokens.
    if (typeof instance !== 'object' || instance === null || found.has(instance)) continue;
    const handlers = handlersOf(instance, scanner, contexts);
    const [first] = handlers;
    if (first === undefined) continue;
    if (isShared(wrapper)) found.set(instance, handlers);
    else problems.push({ option: first.label, message: NOT_SHARED });
  }
  if (problems.length > 0) throw new RtcConfigError(problems);
  return [...found.values()].flat();
}

const NOT_SHARED =
  'handles events or messages, so its class must have one instance: it is request-scoped or transient, or injects ' +
  'something that is';

function isShared(wrapper: Wrapper): boolean {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function handlersOf(instance: object, scanner: MetadataScanner, contexts: ExternalContextCreator): Handler[] {
  const methods = instance as Readonly<Record<string, (argument: unknown) => unknown>>;
  return scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object | null).flatMap((name) => {
    const method = methods[name];
    const handled = typeof method === 'function' ? handledBy(method) : [];
    if (method === undefined || handled.length === 0) return [];
    const run = contexts.create(
      instance,
      method,
      name,
      HANDLER_ARGUMENTS,
      { exchangeKeyForValue: (_type, _data, [argument]) => argument as never },
      undefined,
      undefined,
      { guards: true, interceptors: true, filters: false },
      'rtc',
    ) as Handler['run'];
    return [{ label: `${instance.constructor.name}.${name}()`, handled, run }];
  });
}

/**
 * Those of one module.
 * @throws RtcConfigError when several handle clients' messages: each is answered once
 */
export function handlersFor(name: string | undefined, handlers: readonly Handler[]) {
  const events: EventHandler[] = [];
  const messages: Handler[] = [];
  for (const handler of handlers) {
    const own = handler.handled.filter((handled) => handled.name === name);
    const types = own.flatMap(({ type }) => (type === undefined ? [] : [type]));
    if (types.length > 0) events.push({ ...handler, types });
    if (types.length < own.length) messages.push(handler);
  }
  if (messages.length > 1) {
    const labels = messages.map(({ label }) => label).join(' and ');
    const message = `stands at ${labels}, but a message has one answer; leave one of them`;
    throw new RtcConfigError([{ option: '@OnClientMessage()', message }]);
  }
  return { events, messages };
}

/** Makes handlers' contexts without the app's global guards, pipes and interceptors, which expect the app's own requests. */
export function contextsWithoutGlobals(moduleRef: ModuleRef): ExternalContextCreator {
  const container: unknown = Object.create(moduleRef['container'], {
    applicationConfig: { value: new ApplicationConfig() },
  });
  return ExternalContextCreator.fromContainer(container as ModuleRef['container']);
}
