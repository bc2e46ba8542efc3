import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../config/endpoint.js';
import { hostName, isProductionHost, withoutMapping } from './host-name.js';
import { ensure } from './http-error.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';

/** @throws HttpError that says why a request is not let in */
export type Admission = (request: IncomingMessage) => void;

/**
 * Refuses requests from pages of other sites. A browser sends the page's `Origin`. A page whose own name resolves to
 * this machine (DNS rebinding) is recognised by `Host`. Programs other than browsers send no `Origin`.
 */
export function admissionBy({ host, allowedHosts, allowedOrigins, tls }: ResolvedEmulatorOptions): Admission {
  const hosts = new Set([host, ...allowedHosts].map((name) => name.toLowerCase()));
  const origins = new Set(allowedOrigins);
  const scheme = tls === undefined ? 'http' : 'https';
  return ({ headers, socket, url }) => {
    const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers;
    const name = hostName(host) ?? '';
    const isOfService = isProductionHost(name);
    ensure(!isOfService, 421, "This is an emulator; it does not stand in under the service's own name.");
    const isAsked = name !== '' && name === withoutMapping(socket.localAddress ?? '');
    const isHere = isLoopback(name) || hosts.has(name) || isAsked;
    ensure(isHere, 403, 'The Host is none of this machine; allowedHosts (--allow-host) can name it.');
    ensure(url?.startsWith('/'), 421, 'This is no proxy: the target must be a path.');
    const isOwn =
      origin === undefined
        ? site === 'same-origin' || site === 'none'
        : origins.has(origin) || origin.toLowerCase() === `${scheme}://${host.toLowerCase()}`;
    const others = 'Pages of other origins are kept out';
    ensure(isOwn, 403, `${others}; allowedOrigins (--allow-origin) can name those that may.`);
  };
}
