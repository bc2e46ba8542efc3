import type { RequestOptions } from 'node:http';
import { urlToHttpOptions } from 'node:url';

/** What Node needs to know of a URL to send a request there. */
export type RequestTarget = Pick<RequestOptions, 'protocol' | 'hostname' | 'port' | 'path'>;

/** A client calls a handful of URLs. */
const MAX_TARGETS = 32;

/** Keeps URLs that were taken apart, which costs nearly as much as to sign a request to one. */
export class RequestTargets {
  readonly #known = new Map<string, RequestTarget>();

  of(url: string): RequestTarget {
    const known = this.#known.get(url);
    if (known !== undefined) return known;
    const { protocol, hostname, port, path } = urlToHttpOptions(new URL(url));
    const target = { protocol, hostname, port, path };
    if (this.#known.size >= MAX_TARGETS) this.#known.clear();
    this.#known.set(url, target);
    return target;
  }
}
