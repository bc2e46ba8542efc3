import { forwardRef, type ForwardReference, type Provider } from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { isError } from '../errors/thrown.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { isArray, typeName } from '../options/rules.js';
import { Redacted } from '../privacy/redacted.js';

/**
 * An import that fails the boot if a module is imported without `forRoot()`. Nest resolves it before it makes
 * providers, so the boot fails with this error and not with that of a missing provider.
 */
export function failBareImport(module: string): ForwardReference {
  return forwardRef(() => {
    throw new RtcConfigError([
      {
        option: `${module}.forRoot()`,
        message:
          `was not called: a module imports ${module} as it is. Import ${module}.forRoot(…) or ` +
          `${module}.forRootAsync(…); what another module has registered is used by importing that module, or by ` +
          'setting isGlobal: true there',
      },
    ]);
  });
}

/**
 * Requires an options object. Nest's own error would only say that it could not read a property.
 * @param method the called method, as the error names it
 * @param known properties that may come from a class of the object
 * @returns a copy, whose properties can be read without throwing
 */
export function requireObject<T>(method: string, options: T, known: readonly string[] = []): T {
  const isObject = typeof options === 'object' && options !== null;
  const copy = isObject ? readProperties(options, known) : undefined;
  if (copy !== undefined) return copy as T;
  const message = isObject ? UNREADABLE : `must be given an object, got ${typeName(options)}`;
  throw new RtcConfigError([{ option: method, message }]);
}

const isFunction = (given: unknown): boolean => typeof given === 'function';
/** Properties of async options that Nest itself reads, and would fail on with an error of its own. */
const ASYNC_OPTIONS: Readonly<Record<string, readonly [be: string, holds: (given: unknown) => boolean]>> = {
  useFactory: ['a function', isFunction],
  useClass: ['a class', isFunction],
  useExisting: ['a provider', (given) => /^(function|string|symbol)$/.test(typeof given)],
  inject: ['an array', isArray],
  imports: ['an array', isArray],
};

/** Requires a factory, a class or an existing provider for the options. */
export function requireFactory<T extends object>(method: string, options: T): T {
  const copy = requireObject(method, options, Object.keys(ASYNC_OPTIONS));
  const given = copy as Record<string, unknown>;
  const { useFactory, useClass, useExisting } = given;
  if (!(useFactory ?? useClass ?? useExisting)) {
    throw new RtcConfigError([
      { option: method, message: 'must be given useFactory, useClass or useExisting' },
    ]);
  }
  const problems = Object.entries(ASYNC_OPTIONS).flatMap(([name, [be, holds]]) => {
    const value = given[name];
    if (value === undefined || value === null || holds(value)) return [];
    return [{ option: `${method}.${name}`, message: `must be ${be}, got ${typeName(value)}` }];
  });
  if (problems.length > 0) throw new RtcConfigError(problems);
  return copy;
}

/** Redacts the options provider, since printing the app's providers must not print a secret key or a password. */
export function hideOptions(providers: readonly Provider[] = [], token: unknown): Provider[] {
  return providers.map((provider) => {
    if (!('provide' in provider) || provider.provide !== token) return provider;
    if ('useValue' in provider) return { ...provider, useValue: new Redacted(provider.useValue, 'options') };
    if (!('useFactory' in provider)) return provider;
    const { useFactory } = provider;
    return {
      ...provider,
      useFactory: async (...injected: unknown[]) => {
        return new Redacted(await settled(useFactory(...injected)), 'options');
      },
    };
  });
}

/** The options that a factory gave, or will give. Those that can't be looked at are told so by what reads them. */
async function settled(options: unknown): Promise<unknown> {
  try {
    // A proxy may throw even here.
    if (typeof (options as Partial<Promise<unknown>> | undefined)?.then !== 'function') return options;
  } catch {
    return UNREADABLE_OPTIONS;
  }
  try {
    return await options;
  } catch (error) {
    // JavaScript itself rejects a promise of a revoked proxy, since it looks for a `then` there.
    if (!isError(error) || !error.message.includes('proxy that has been revoked')) throw error;
    return UNREADABLE_OPTIONS;
  }
}

const UNREADABLE_OPTIONS = {
  get options(): never {
    throw new TypeError();
  },
};

/** The options that {@link hideOptions} has redacted. A test may have replaced them with plain options. */
export function openOptions(options: unknown): unknown {
  return options instanceof Redacted ? options.open() : options;
}
