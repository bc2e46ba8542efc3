import type { IncomingMessage } from 'node:http';
import { hostName, isLoopbackHost, isProductionHost, originOf, withoutMapping } from './host-name.js';

/** Why a request is not let in. */
export interface Refusal {
  readonly httpStatus: 403 | 421;
  readonly error: string;
}

/** What may be let in beside what is on this machine. */
export interface AdmissionOptions {
  /** On which the emulator listens. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly scheme: 'http' | 'https';
}

/**
 * Keeps out the pages of other sites: browsers name the page's `Origin`, and a page whose own name was made to mean
 * this machine (DNS rebinding) is known by `Host`. Programs that are no browsers send no `Origin`.
 */
export class Admission {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #scheme: string;

  constructor({ host, allowedHosts, allowedOrigins, scheme }: AdmissionOptions) {
    this.#hosts = new Set([host, ...allowedHosts].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowedOrigins.map((origin) => originOf(origin) ?? origin));
    this.#scheme = scheme;
  }

  /** Lets a request in, whose target is a path from then on; or says why not. */
  admit(request: IncomingMessage): Refusal | undefined {
    const { headers, socket } = request;
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    const target = readTarget(request.url);
    const name = hostName(host);
    const targetName = target?.authority === undefined ? name : hostName(target.authority);
    if ([name, targetName].some((one) => one !== undefined && isProductionHost(one))) {
      return {
        httpStatus: 421,
        error: "This is an emulator; it does not stand in under the service's own name.",
      };
    }
    if (!this.#isHost(name, socket.localAddress)) {
      return {
        httpStatus: 403,
        error: 'The Host is none of this machine; allowedHosts (--allow-host) can name it.',
      };
    }
    if (target === undefined || !this.#isHost(targetName, socket.localAddress)) {
      return { httpStatus: 421, error: 'This is no proxy: the target must be a path, or a URL of its own.' };
    }
    request.url = target.path;
    const foreign =
      origin === undefined
        ? site !== undefined && site !== 'same-origin' && site !== 'none'
        : !this.allows(origin) && origin.toLowerCase() !== `${this.#scheme}://${host.toLowerCase()}`;
    if (!foreign) return undefined;
    return {
      httpStatus: 403,
      error: 'Pages of other origins are kept out; allowedOrigins (--allow-origin) can name those that may.',
    };
  }

  /** Whether a page of this origin was named as one that may read and change. */
  allows(origin: string): boolean {
    return this.#origins.has(origin);
  }

  #isHost(name: string | undefined, localAddress = ''): boolean {
    if (name === undefined) return false;
    return isLoopbackHost(name) || this.#hosts.has(name) || name === withoutMapping(localAddress);
  }
}

/** A target in either of the forms that a server must take: a path, or (as a proxy is asked) a URL. */
function readTarget(url = '/'): { authority?: string | undefined; path: string } | undefined {
  if (url.startsWith('/')) return { path: url };
  const [, authority, path = ''] = /^https?:\/\/([^/?#@]+)([/?].*)?$/is.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { authority, path: path.startsWith('/') ? path : `/${path}` };
}
