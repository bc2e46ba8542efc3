import dns, { type LookupAddress } from 'node:dns';
import type { Agent, ClientRequest } from 'node:http';
import type { LookupFunction } from 'node:net';

const LOOKUP = Symbol('lookup');

/** See `connectByOwnLookup`. */
export function rememberLookup(
  request: ClientRequest & { [LOOKUP]?: LookupFunction },
  lookup: LookupFunction,
): void {
  request[LOOKUP] = lookup;
}

/** What Node's agents are made of, and its types don't name. */
interface SocketMaker {
  createSocket(request: ClientRequest & { [LOOKUP]?: LookupFunction }, options: object, done: unknown): void;
}

/**
 * Has an agent connect each request by the request's own lookup. For one that waits in its queue, Node takes the options
 * of the request whose socket has closed, and so would go on with that one's addresses.
 */
export function connectByOwnLookup<A extends Agent>(agent: A): A {
  const maker = agent as unknown as SocketMaker;
  const createSocket = maker.createSocket.bind(agent);
  maker.createSocket = (request, options, done) => {
    const lookup = request[LOOKUP];
    createSocket(request, lookup === undefined ? options : { ...options, lookup }, done);
  };
  return agent;
}

/** An address has this long to connect at least, in milliseconds, however little time is left. */
const SHORTEST_SHARE_MS = 250;

/**
 * The addresses of a host, tried one after another by one attempt. Node would do so too, but gives each address but
 * the last 250 ms, whatever time there is, so that a handshake that takes longer never gets through where the other
 * address is dead.
 */
export class AddressList {
  #addresses: readonly LookupAddress[] | undefined;
  #index = 0;
  #isConnected = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param leftMs milliseconds that the attempt has left
   * @param onSlow when the address that is being tried has had its share of them
   */
  constructor(
    private readonly leftMs: () => number,
    private readonly onSlow: () => void,
  ) {}

  /** For the socket that is to connect to the current address. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    if (this.#addresses !== undefined) this.#give(callback);
    else {
      // As a member of its module, as all that tests may replace.
      dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, '');
        this.#addresses = addresses;
        this.#give(callback);
      });
    }
  };

  /** Goes on to the next address, if there is one. */
  next(): boolean {
    clearTimeout(this.#timer);
    if (this.#isConnected || this.#addresses === undefined || this.#index + 1 >= this.#addresses.length)
      return false;
    this.#index += 1;
    return true;
  }

  /** The current address has connected, or none will be needed: no other is tried. */
  connected(): void {
    this.#isConnected = true;
    clearTimeout(this.#timer);
  }

  #give(callback: Parameters<LookupFunction>[2]): void {
    const address = this.#addresses?.[this.#index];
    if (address === undefined) return callback(Object.assign(new Error(), { code: 'ENOTFOUND' }), '');
    const remaining = (this.#addresses?.length ?? 0) - this.#index;
    if (remaining > 1 && !this.#isConnected) {
      const shareMs = Math.max(SHORTEST_SHARE_MS, this.leftMs() / remaining);
      this.#timer = setTimeout(this.onSlow, shareMs);
    }
    callback(null, address.address, address.family);
  }
}
