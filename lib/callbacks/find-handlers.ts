import {
  ApplicationConfig,
  type DiscoveryService,
  ExternalContextCreator,
  MetadataScanner,
  type ModuleRef,
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

/**
 * Finds the methods of providers and controllers that handle what a module receives.
 * @param name the module's
 * @throws RtcConfigError for those that could never be called as they are meant
 */
export function findHandlers(
  name: string | undefined,
  discovery: DiscoveryService,
  moduleRef: ModuleRef,
): Handler[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()];
  const modules = wrappers.filter(({ token }) => token === CALLBACK_SETTINGS);
  const settings = modules.map(({ instance }) => instance as CallbackSettings);
  const scanner = new MetadataScanner();
  const contexts = contextsWithoutGlobals(moduleRef);
  const problems = pathProblems(settings);
  const handlers: Handler[] = [];
  // One instance may be provided under several tokens.
  const seen = new Set<unknown>();
  for (const wrapper of wrappers) {
    const instance = wrapper.instance as Readonly<Record<string, (argument: unknown) => unknown>> | undefined;
    if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
    seen.add(instance);
    for (const key of scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object | null)) {
      const method = instance[key];
      const handled = typeof method === 'function' ? handledBy(method) : [];
      if (method === undefined || handled.length === 0) continue;
      const label = `${instance.constructor.name}.${key}()`;
      const reject = (message: string): void => void problems.push({ option: label, message });
      const unknown = handled.find((one) => settings.every((module) => module.name !== one.name));
      if (unknown !== undefined) reject(`is for ${nameOf(unknown.name)}, which this app does not have`);
      if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) reject(NOT_SINGLE);
      const types = handled.filter((one) => one.name === name).map(({ type }) => type);
      const run = contexts.create(instance, method, key, HANDLER_ARGUMENTS, FIRST, ...CONTEXT);
      if (types.length > 0) handlers.push({ label, types, run });
    }
  }
  const [first, second] = handlers.filter(({ types }) => types.includes(CLIENT_MESSAGE));
  if (first !== undefined && second !== undefined) {
    const message = `answers clients' messages as ${first.label} does, but a message has one answer`;
    problems.push({ option: second.label, message });
  }
  if (problems.length > 0) throw new RtcConfigError(problems, undefined, name);
  return handlers;
}

/** Of two routes with one path, one would never be asked. */
function pathProblems(settings: readonly CallbackSettings[]): ConfigProblem[] {
  const paths = settings.flatMap(({ events, clientMessages }) => [events?.path, clientMessages?.path]);
  const twice = paths.filter((path, index) => path !== undefined && paths.indexOf(path) < index);
  return twice.map((path) => ({ option: 'RtcCallbackModule', message: `has two routes at ${path}` }));
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

/** Makes handlers' contexts without the app's global guards, pipes and interceptors: those expect requests. */
function contextsWithoutGlobals(moduleRef: ModuleRef): ExternalContextCreator {
  const container: unknown = Object.create(moduleRef['container'], {
    applicationConfig: { value: new ApplicationConfig() },
  });
  return ExternalContextCreator.fromContainer(container as ModuleRef['container']);
}
