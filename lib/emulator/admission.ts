import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { hostName, isLoopbackHost, isProductionHost, originOf, withoutMapping } from './host-name.js';
import { HttpError } from './http-error.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';
import { sendUnread } from './send-json.js';

type AdmissionOptions = Pick<ResolvedEmulatorOptions, 'host' | 'allowedHosts' | 'allowedOrigins' | 'tls'>;

/** CORS headers for a page of an allowed origin. */
const CORS = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Content-Sha256, X-Date, X-Security-Token',
  'Access-Control-Expose-Headers': 'Date, Link, Retry-After',
};

/**
 * Refuses requests from pages of other sites. A browser sends the page's `Origin`. A page whose own name resolves to
 * this machine (DNS rebinding) is recognised by `Host`. Programs other than browsers send no `Origin`.
 */
export class Admission {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #scheme: string;

  constructor({ host, allowedHosts, allowedOrigins, tls }: AdmissionOptions) {
    this.#hosts = new Set([host, ...allowedHosts].map((name) => name.toLowerCase()));
    this.#origins = new Set(allowedOrigins.map((origin) => originOf(origin) ?? origin));
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  /** Passes allowed requests on, and answers the others. */
  guard(serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener {
    return (request, response) => {
      try {
        this.admit(request);
      } catch (error) {
        sendUnread(response, error);
        return;
      }
      const { origin } = request.headers;
      if (origin !== undefined && this.#origins.has(origin)) {
        response.setHeaders(
          new Map(Object.entries({ ...CORS, 'Access-Control-Allow-Origin': origin, Vary: 'Origin' })),
        );
        if (request.method === 'OPTIONS') {
          response.writeHead(204).end();
          return;
        }
      }
      serve(request, response).catch((error: unknown) => {
        // A test's own function threw. The sender gets an answer, and the error surfaces as unhandled.
        response.destroy();
        throw error;
      });
    };
  }

  /** @throws HttpError that says why a request is not let in */
  admit(request: IncomingMessage): void {
    const { headers, socket } = request;
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    const name = hostName(host);
    if (name !== undefined && isProductionHost(name)) {
      throw new HttpError(421, "This is an emulator; it does not stand in under the service's own name.");
    }
    if (!this.#isHost(name, socket.localAddress)) {
      throw new HttpError(403, 'The Host is none of this machine; allowedHosts (--allow-host) can name it.');
    }
    if (request.url?.startsWith('/') !== true) {
      throw new HttpError(421, 'This is no proxy: the target must be a path.');
    }
    const foreign =
      origin === undefined
        ? site !== undefined && site !== 'same-origin' && site !== 'none'
        : !this.#origins.has(origin) && origin.toLowerCase() !== `${this.#scheme}://${host.toLowerCase()}`;
    if (!foreign) return;
    throw new HttpError(
      403,
      'Pages of other origins are kept out; allowedOrigins (--allow-origin) can name those that may.',
    );
  }

  #isHost(name: string | undefined, localAddress = ''): boolean {
    if (name === undefined) return false;
    return isLoopbackHost(name) || this.#hosts.has(name) || name === withoutMapping(localAddress);
  }
}
