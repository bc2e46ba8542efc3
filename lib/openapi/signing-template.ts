import { canonicalQuery } from './signature-v4.js';

/** What is the same in all requests to one URL. */
export interface SigningTarget {
  /** In any case. */
  readonly method: string;
  readonly url: URL;
  readonly contentType: string;
  /** Whether a session token is sent, and so signed. */
  readonly hasToken: boolean;
}

/**
 * The canonical request of one URL with everything in its place but the body's hash, the time and the token: written
 * anew for each request it would cost as much as the signature's hashes do. `canonicalRequest()` says the same for
 * any request.
 */
export class SigningTemplate {
  /** With the query in its canonical form, as it must be sent. */
  readonly url: string;
  readonly host: string;
  readonly contentType: string;
  readonly signedHeaders: string;
  readonly #method: string;
  readonly #hasToken: boolean;
  readonly #head: string;

  constructor({ method, url, contentType, hasToken }: SigningTarget) {
    this.#method = method;
    this.#hasToken = hasToken;
    const query = canonicalQuery(url.searchParams);
    this.url = `${url.origin}${url.pathname}?${query}`;
    this.host = url.host;
    this.contentType = contentType;
    this.signedHeaders = `content-type;host;x-content-sha256;x-date${hasToken ? ';x-security-token' : ''}`;
    const folded = contentType.trim().replaceAll(/\s+/g, ' ');
    this.#head = `${method.toUpperCase()}\n${url.pathname}\n${query}\ncontent-type:${folded}\nhost:${url.host}\n`;
  }

  /** Whether it is the template of such a request to its URL. */
  fits(method: string, contentType: string, hasToken: boolean): boolean {
    return method === this.#method && contentType === this.contentType && hasToken === this.#hasToken;
  }

  canonicalRequest(bodySha256: string, xDate: string, token: string | undefined): string {
    const tokenLine = token === undefined ? '' : `x-security-token:${token}\n`;
    return (
      `${this.#head}x-content-sha256:${bodySha256}\nx-date:${xDate}\n${tokenLine}\n` +
      `${this.signedHeaders}\n${bodySha256}`
    );
  }
}
