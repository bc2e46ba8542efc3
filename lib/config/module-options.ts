import type { Provider } from '@nestjs/common';
import { Redacted } from '../privacy/redacted.js';

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
