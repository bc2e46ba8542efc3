import { Inject, type InjectionToken } from '@nestjs/common';

/**
 * Makes the function that gives a service's injection token: the class, or a token of the module with a name. That is
 * a string, since an ES module copy and a CommonJS copy of this package may be loaded.
 */
export function tokenOf<T>(service: InjectionToken<T>, kind: string) {
  return (name?: string): InjectionToken<T> =>
    name === undefined ? service : `nestjs-rtc-messaging:${kind}:${name}`;
}

/** Makes the decorator that injects by such a token. */
export function injectBy(token: (name?: string) => InjectionToken) {
  return (name?: string): PropertyDecorator & ParameterDecorator => Inject(token(name));
}
