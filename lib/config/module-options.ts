import { forwardRef, type ForwardReference, type Provider } from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { typeName } from '../options/rules.js';
import { Redacted } from '../privacy/redacted.js';

/**
 * An import of a module that must not be imported as it is. Nest resolves it before it makes anything, so that this
 * is what the boot fails with, and not whatever misses what the module would have brought.
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
 * Told here, since Nest would only say that it could not read something of it.
 * @param method that was called, as the error is to name it
 */
export function requireObject(method: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new RtcConfigError([
    { option: method, message: `must be given an object, got ${typeName(options)}` },
  ]);
}

/** The same for what makes the options later. */
export function requireFactory(method: string, options: object): void {
  requireObject(method, options);
  const { useFactory, useClass, useExisting } = options as Record<string, unknown>;
  if (useFactory ?? useClass ?? useExisting) return;
  throw new RtcConfigError([
    { option: method, message: 'must be given useFactory, useClass or useExisting' },
  ]);
}

/** Whatever prints the app's providers must not print a secret key, or a password: so that of options hides them. */
export function hideOptions(providers: readonly Provider[] = [], token: unknown): Provider[] {
  return providers.map((provider) => {
    if (!('provide' in provider) || provider.provide !== token) return provider;
    if ('useValue' in provider) return { ...provider, useValue: new Redacted(provider.useValue, 'options') };
    if (!('useFactory' in provider)) return provider;
    const { useFactory } = provider;
    return {
      ...provider,
      useFactory: async (...injected: unknown[]) => new Redacted(await useFactory(...injected), 'options'),
    };
  });
}

/** What {@link hideOptions} has hidden. A test may have put plain options in its place. */
export function openOptions(options: unknown): unknown {
  return options instanceof Redacted ? options.open() : options;
}
