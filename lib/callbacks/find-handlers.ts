import {
  ApplicationConfig,
  type DiscoveryService,
  ExternalContextCreator,
  MetadataScanner,
  ModuleRef,
} from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
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
export async function findHandlers(
  name: string | undefined,
  discovery: DiscoveryService,
): Promise<Handler[]> {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  const modules = wrappers.filter(({ token }) => token === CALLBACK_SETTINGS);
  const settings = modules.map(({ instance }) => instance as CallbackSettings);
  const problems = moduleProblems(settings);
  const handlers: Handler[] = [];
  const seen = new Set<unknown>();
  for (const wrapper of wrappers) {
    const instance = wrapper.instance as Instance | null | undefined;
    // What a request-scoped factory makes is known by its token alone.
    const type = instance == null ? wrapper.token : Object.getPrototypeOf(instance)?.constructor;
    // One instance may be provided under several tokens.
    if (typeof type !== 'function' || seen.has(instance ?? wrapper)) continue;
    seen.add(instance ?? wrapper);
    const isSingle = wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
    for (const key of new MetadataScanner().getAllMethodNames(type.prototype)) {
      const handled = handledBy(type.prototype, key);
      const label = `${type.name}.${key}()`;
      const reject = (message: string): void =>
        void problems.push({ option: `RtcCallbackModule ${label}`, message });
      if (handled.length > 0 && !isSingle) reject(NOT_SINGLE);
      for (const one of handled) {
        const option = one.type === CLIENT_MESSAGE ? 'clientMessages' : 'events';
        if (settings.every((module) => module.name !== one.name || module[option] === undefined))
          reject(`is for ${nameOf(one.name)} with ${option}, which this app does not have`);
      }
      const types = handled.filter((one) => one.name === name).map((one) => one.type);
      if (!isSingle || !instance || types.length === 0) continue;
      const method = (type.prototype as Instance)[key] as Method;
      const contexts = await contextsFor(wrapper, type, method);
      const called = callable(instance, key, method);
      const run = contexts.create(instance, called, key, HANDLER_ARGUMENTS, FIRST, ...CONTEXT);
      handlers.push({ label, types, run });
    }
  }
  const [first, second] = handlers.filter((one) => one.types.includes(CLIENT_MESSAGE));
  if (first !== undefined && second !== undefined) {
    const message = `answers clients' messages as ${first.label} does, but a message has one answer`;
    problems.push({ option: `RtcCallbackModule ${second.label}`, message });
  }
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return handlers;
}

/** Of two routes with one path, one would never be asked. Handlers of two modules with one name would serve both apps. */
function moduleProblems(settings: readonly CallbackSettings[]): ConfigProblem[] {
  const all = settings.flatMap(({ name, events, clientMessages }) => {
    const routes = [events, clientMessages].flatMap((one) => (one ? [`two routes at ${one.path}`] : []));
    return [`twice ${nameOf(name)}`, ...routes];
  });
  const twice = all.filter((one, index) => all.indexOf(one) < index);
  return twice.map((what) => ({ option: 'RtcCallbackModule', message: `has ${what}: each must be its own` }));
}

/** The instance may have bound the method, or be a proxy that wraps it. Its metadata, which Nest reads, are inherited. */
function callable(instance: Instance, key: string, method: Method): Method {
  const called: Method = (argument) => instance[key]?.(argument);
  return instance[key] === method ? method : (Object.setPrototypeOf(called, method) as Method);
}

/** What a handler's only argument is. */
const FIRST = { exchangeKeyForValue: (_type: number, _data: unknown, [first]: unknown[]) => first as never };
/** Without filters, by which Nest would print what is thrown. */
const CONTEXT = [undefined, undefined, { guards: true, interceptors: true, filters: false }, 'rtc'] as const;

const NOT_SINGLE =
  'must be of a class with one instance, but that is request-scoped or transient, or injects something that is';

function nameOf(name: string | undefined): string {
  return name === undefined ? 'an RtcCallbackModule without a name' : `the RtcCallbackModule "${name}"`;
}

/**
 * Makes a handler's context without the app's global guards, pipes and interceptors: those expect requests. Nest makes
 * the handler's own only for providers that are classes, and would silently leave out the others.
 */
async function contextsFor({ host }: Wrapper, ...targets: object[]): Promise<ExternalContextCreator> {
  const moduleRef = host?.providers.get(ModuleRef)?.instance as ModuleRef;
  const enhancers = new Map<unknown, unknown>();
  const keys = ['__guards__', '__pipes__', '__interceptors__'];
  for (const given of targets.flatMap((one) => keys.flatMap((key) => Reflect.getMetadata(key, one) ?? []))) {
    if (typeof given !== 'function') continue;
    const made = host?.injectables.get(given as never);
    const isSingle = made?.isDependencyTreeStatic() === true && !made.isTransient;
    const instance: unknown = isSingle ? made.instance : await moduleRef.create(given as never);
    enhancers.set(given, { getInstanceByContextId: () => ({ instance }) });
  }
  const module = Object.create(host ?? null, {
    injectables: { value: enhancers },
    hasProvider: { value: () => true },
  }) as unknown;
  const container = Object.create(moduleRef['container'], {
    applicationConfig: { value: new ApplicationConfig() },
    getModules: { value: () => new Map([['handler', module]]) },
  }) as ModuleRef['container'];
  const contexts = ExternalContextCreator.fromContainer(container);
  // Nest takes an Observable that completes without a value for a failure.
  contexts.transformToResult = async (result: unknown) =>
    isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
  return contexts;
}
