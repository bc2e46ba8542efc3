import { forwardRef, type ForwardReference, type Provider } from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { typeName } from '../options/rules.js';
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
 * @returns a copy, whose properties can be read without throwing
 */
export function requireObject<T>(method: string, options: T): T {
  const isObject = typeof options === 'object' && options !== null;
  const copy = isObject ? readProperties(options, []) : undefined;
  if (copy !== undefined) return copy as T;
  const message = isObject ? UNREADABLE : `must be given an object, got ${typeName(options)}`;
  throw new RtcConfigError([{ option: method, message }]);
}

/** Requires a factory, a class or an existing provider for the options. */
export function requireFactory<T extends object>(method: string, options: T): T {
  const copy = requireObject(method, options);
  const { useFactory, useClass, useExisting } = copy as Record<string, unknown>;
  if (!(useFactory ?? useClass ?? useExisting)) {
    throw new RtcConfigError([
      { option: method, message: 'must be given useFactory, useClass or useExisting' },
    ]);
  }
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
      useFactory: async (...injected: unknown[]) =>
        new Redacted(await (useFactory(...injected) as unknown), 'options'),
    };
  });
}

/** The options that {@link hideOptions} has redacted. A test may have replaced them with plain options. */
export function openOptions(options: unknown): unknown {
  return options instanceof Redacted ? options.open() : options;
}
