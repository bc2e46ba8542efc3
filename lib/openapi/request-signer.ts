import type { RequestOptions } from 'node:http';
import { urlToHttpOptions } from 'node:url';
import type { RtcCredentials } from '../credentials/credentials.js';
import { ALGORITHM, canonicalQuery, sha256Hex, Stamp } from './signature-v4.js';

/** Region, service and clock for signatures. */
export interface SigningContext {
  readonly region: string;
  readonly service: string;
  /** The only origin that requests are signed for. Default: any origin. */
  readonly origin?: string;
  /** This machine's clock: milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface UnsignedRequest {
  /** In upper or lower case. */
  readonly method: string;
  readonly url: string;
  readonly contentType: string;
  /** The exact bytes to send. */
  readonly body: Buffer;
}

/** The parts of a URL that Node needs to send a request. */
export type RequestTarget = Pick<RequestOptions, 'protocol' | 'hostname' | 'port' | 'path'>;

/** Where to send a signed request. */
export interface SignedAddress {
  /** The URL with its query in canonical form, as it must be sent. */
  readonly url: string;
  readonly target: RequestTarget;
}

/** A request would take a signature to another origin than the module's endpoint. */
class OtherOriginError extends Error {
  override readonly name = 'OtherOriginError';
}

/**
 * The constant parts of all requests to one URL. Computing them for each request would cost as much as the signature's
 * hashes.
 */
interface Prepared extends SignedAddress, Pick<UnsignedRequest, 'method' | 'contentType'> {
  readonly host: string;
  /** The canonical request before the body's hash, the time and the token. */
  readonly head: string;
}

const SIGNED_HEADERS = 'content-type;host;x-content-sha256;x-date';
/** A client calls only a few URLs. */
const MAX_PREPARED = 32;

/** Signs requests. It keeps what consecutive requests have in common: the constant parts for a URL, and the second. */
export class RequestSigner {
  readonly #context: SigningContext;
  /** By URL. */
  readonly #prepared = new Map<string, Prepared>();
  #stamp: Stamp | undefined;

  constructor(context: SigningContext) {
    this.#context = context;
  }

  /**
   * @param clockOffsetMs assumed offset of the service's clock from this machine's, in milliseconds
   * @param headers receives the signed headers and the signature
   */
  sign(
    request: UnsignedRequest,
    { accessKeyId, secretAccessKey, sessionToken }: RtcCredentials,
    clockOffsetMs: number,
    headers: Record<string, unknown>,
  ): SignedAddress {
    const prepared = this.#prepare(request);
    const { host, contentType, head } = prepared;
    const { region, service, now = Date.now } = this.#context;
    const second = Math.floor((now() + clockOffsetMs) / 1_000);
    if (this.#stamp?.isOf(second, secretAccessKey) !== true)
      this.#stamp = new Stamp(second, secretAccessKey, region, service);
    const { xDate, scope } = this.#stamp;
    const hash = sha256Hex(request.body);
    const hasToken = sessionToken !== undefined;
    const names = hasToken ? `${SIGNED_HEADERS};x-security-token` : SIGNED_HEADERS;
    const token = hasToken ? `x-security-token:${sessionToken}\n` : '';
    // The canonical request of the vendor, of which only these parts differ.
    const signature = this.#stamp.sign(
      `${head}x-content-sha256:${hash}\nx-date:${xDate}\n${token}\n${names}\n${hash}`,
    );
    headers['Content-Type'] = contentType;
    headers['Host'] = host;
    headers['X-Content-Sha256'] = hash;
    headers['X-Date'] = xDate;
    headers['Authorization'] =
      `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    if (hasToken) headers['X-Security-Token'] = sessionToken;
    return prepared;
  }

  #prepare({ method, url: given, contentType }: UnsignedRequest): Prepared {
    const known = this.#prepared.get(given);
    if (known?.method === method && known.contentType === contentType) return known;
    const { origin, pathname, searchParams, host } = new URL(given);
    const { origin: allowed = origin } = this.#context;
    if (origin !== allowed) throw new OtherOriginError();
    const query = canonicalQuery(searchParams);
    const url = `${origin}${pathname}?${query}`;
    const { protocol, hostname, port, path } = urlToHttpOptions(new URL(url));
    const folded = contentType.trim().replaceAll(/\s+/g, ' ');
    const prepared: Prepared = {
      method,
      contentType,
      url,
      host,
      target: { protocol, hostname, port, path },
      head: `${method.toUpperCase()}\n${pathname}\n${query}\ncontent-type:${folded}\nhost:${host}\n`,
    };
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    this.#prepared.set(given, prepared);
    return prepared;
  }
}
