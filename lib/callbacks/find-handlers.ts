import type { Type } from '@nestjs/common';
import {
  ApplicationConfig,
  type DiscoveryService,
  ExternalContextCreator,
  MetadataScanner,
  ModuleRef,
} from '@nestjs/core';
import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import { CALLBACK_SETTINGS, type CallbackSettings } from './callback-settings.js';
import { CLIENT_MESSAGE, handledBy, HANDLER_ARGUMENTS } from './handler-decorators.js';

/** A method of the app. */
export interface Handler {
  /** Its class and its name, for the log. */
  readonly label: string;
  /** Types of events, `*` for all, or {@link CLIENT_MESSAGE}. */
  readonly types: readonly string[];
  run(argument: unknown): Promise<unknown>;
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (argument: unknown) => unknown;
type Instance = Readonly<Record<string, Method>>;

/**
 * Finds the methods of providers and controllers that handle what a module receives.
 * @param name the module's
 * @throws RtcConfigError for those that could never be called as they are meant; Nest's own error if it can't make a
 * guard, a pipe or an interceptor of theirs
 */
export async function findHandlers(discovery: DiscoveryService, name?: string): Promise<Handler[]> {
  const all = [...discovery.getProviders(), ...discovery.getControllers()];
  const wrappers = all.filter(({ isAlias }) => !isAlias);
  const settings = wrappers.filter(({ token }) => token === CALLBACK_SETTINGS);
  const modules = settings.map(({ instance }) => instance as CallbackSettings);
  const problems: ConfigProblem[] = [];
  const reject = (message: string, label = ''): void =>
    void problems.push({ option: `RtcCallbackModule ${label}`.trim(), message });
  const claimed = new Set<string>();
  /** Of two with one path, or of two that answer the same messages, one would never be asked. */
  const claim = (what: string, label?: string): void => {
    if (claimed.has(what)) reject(`is the second ${what}, and there can be one`, label);
    claimed.add(what);
  };
  for (const { name, events, clientMessages } of modules) {
    claim(nameOf(name));
    for (const route of [events, clientMessages]) if (route) claim(`route at ${route.path}`);
  }
  const handlers: Handler[] = [];
  // One instance may be provided under several tokens.
  for (const wrapper of new Map(wrappers.map((one) => [one.instance ?? one, one])).values()) {
    const instance = wrapper.instance as Instance | null | undefined;
    // What a request-scoped factory makes is known by its token alone.
    const type = instance == null ? wrapper.token : Object.getPrototypeOf(instance)?.constructor;
    if (typeof type !== 'function') continue;
    for (const key of new MetadataScanner().getAllMethodNames(type.prototype)) {
      const handled = handledBy(type.prototype, key);
      const label = `${type.name}.${key}()`;
      for (const one of handled) {
        const part = one.type === CLIENT_MESSAGE ? 'clientMessages' : 'events';
        if (!modules.some((module) => module.name === one.name && module[part] !== undefined))
          reject(`is for the ${nameOf(one.name)} with ${part}, which this app does not have`, label);
        if (part === 'clientMessages') claim(`handler of the messages to the ${nameOf(one.name)}`, label);
      }
      const types = handled.filter((one) => one.name === name).map((one) => one.type);
      if (types.length === 0) continue;
      if (!instance || !wrapper.isDependencyTreeStatic() || wrapper.isTransient) reject(NOT_SINGLE, label);
      else handlers.push({ label, types, run: await contextOf(wrapper, type, key) });
    }
  }
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return handlers;
}

const NOT_SINGLE =
  'must be of a class with one instance, but that is request-scoped or transient, or injects something that is';

function nameOf(name: string | undefined): string {
  return `RtcCallbackModule ${name === undefined ? 'without a name' : `"${name}"`}`;
}

const ENHANCERS = ['__guards__', '__pipes__', '__interceptors__'];
/** What a handler's only argument is. */
const FIRST = { exchangeKeyForValue: (_type: number, _data: unknown, [first]: unknown[]) => first as never };
/** Without filters, by which Nest would print what is thrown. */
const CONTEXT = [undefined, undefined, { guards: true, interceptors: true, filters: false }, 'rtc'] as const;

/**
 * Makes what calls a handler, without the app's global guards, pipes and interceptors: those expect requests. Nest makes
 * the handler's own only for providers that are classes, and would silently leave out the others.
 */
async function contextOf({ host, instance }: Wrapper, type: Type, key: string): Promise<Handler['run']> {
  const methods = instance as Instance;
  const method = type.prototype[key] as Method;
  const moduleRef = host?.providers.get(ModuleRef)?.instance as ModuleRef;
  const enhancers = new Map<unknown, unknown>(host?.injectables);
  const bound = [type, method].flatMap((one) =>
    ENHANCERS.flatMap((kind) => Reflect.getMetadata(kind, one) ?? []),
  );
  for (const one of bound) {
    if (typeof one !== 'function' || host?.injectables.get(one)?.isTransient === false) continue;
    const made: unknown = await moduleRef.create(one as never);
    enhancers.set(one, { getInstanceByContextId: () => ({ instance: made }) });
  }
  const own = { injectables: { value: enhancers }, hasProvider: { value: () => true } };
  const modules = new Map<string, unknown>([['handler', Object.create(host ?? null, own)]]);
  const container = Object.create(moduleRef['container'], {
    applicationConfig: { value: new ApplicationConfig() },
    getModules: { value: () => modules },
  }) as ModuleRef['container'];
  // The instance may have bound the method, or be a proxy that wraps it. Its metadata, which Nest reads, are inherited.
  const asItHas: Method = (argument) => methods[key]?.(argument);
  const called = methods[key] === method ? method : (Object.setPrototypeOf(asItHas, method) as Method);
  const contexts = ExternalContextCreator.fromContainer(container);
  return contexts.create(methods, called, key, HANDLER_ARGUMENTS, FIRST, ...CONTEXT);
}
