import type { IncomingMessage } from 'node:http';
import { hostName, isLoopbackHost, isProductionHost, withoutMapping } from './host-name.js';

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
    this.#origins = new Set(allowedOrigins);
    this.#scheme = scheme;
  }

  /** Why a request is not let in; undefined if it is. */
  refusalOf({ headers, url = '/', socket }: IncomingMessage): Refusal | undefined {
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    const name = hostName(host);
    if ((name !== undefined && isProductionHost(name)) || !url.startsWith('/')) {
      return {
        httpStatus: 421,
        error: "This is an emulator; it does not stand in under the service's own name.",
      };
    }
    if (name === undefined || !this.#isHost(name, socket.localAddress)) {
      return {
        httpStatus: 403,
        error: 'The Host is none of this machine; allowedHosts (--allow-host) can name it.',
      };
    }
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

  #isHost(name: string, localAddress = ''): boolean {
    return isLoopbackHost(name) || this.#hosts.has(name) || name === withoutMapping(localAddress);
  }
}
