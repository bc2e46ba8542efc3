import type { IncomingMessage } from 'node:http';
import { hostName, isLoopbackHost, isProductionHost, originOf, withoutMapping } from './host-name.js';
import { HttpError } from './http-error.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';

/**
 * Refuses requests from pages of other sites. A browser sends the page's `Origin`. A page whose own name resolves to
 * this machine (DNS rebinding) is recognised by `Host`. Programs other than browsers send no `Origin`.
 */
export class Admission {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #scheme: string;

  constructor({
    host,
    allowedHosts,
    allowedOrigins,
    tls,
  }: Pick<ResolvedEmulatorOptions, 'host' | 'allowedHosts' | 'allowedOrigins' | 'tls'>) {
    this.#hosts = new Set([host, ...allowedHosts].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowedOrigins.map((origin) => originOf(origin) ?? origin));
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  /** @throws HttpError that says why a request is not let in */
  admit({ headers, socket, url }: IncomingMessage): void {
    const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers;
    const name = hostName(host) ?? '';
    if (isProductionHost(name)) {
      throw new HttpError(421, "This is an emulator; it does not stand in under the service's own name.");
    }
    const isHere = isLoopbackHost(name) || this.#hosts.has(name);
    if (!isHere && (name === '' || name !== withoutMapping(socket.localAddress ?? ''))) {
      throw new HttpError(403, 'The Host is none of this machine; allowedHosts (--allow-host) can name it.');
    }
    if (url?.startsWith('/') !== true) {
      throw new HttpError(421, 'This is no proxy: the target must be a path.');
    }
    const isOwn =
      origin === undefined
        ? site === 'same-origin' || site === 'none'
        : this.#origins.has(origin) || origin.toLowerCase() === `${this.#scheme}://${host.toLowerCase()}`;
    if (isOwn) return;
    throw new HttpError(
      403,
      'Pages of other origins are kept out; allowedOrigins (--allow-origin) can name those that may.',
    );
  }
}
