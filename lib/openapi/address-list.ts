import dns, { type LookupAddress } from 'node:dns';
import type { Agent, ClientRequest } from 'node:http';
import type { LookupFunction } from 'node:net';

const LOOKUP = Symbol('lookup');

/** Stores a request's lookup for `connectByOwnLookup`. */
export function rememberLookup(
  request: ClientRequest & { [LOOKUP]?: LookupFunction },
  lookup: LookupFunction,
): void {
  request[LOOKUP] = lookup;
}

/** An internal method of Node's agents that their types don't declare. */
interface SocketMaker {
  createSocket(request: ClientRequest & { [LOOKUP]?: LookupFunction }, options: object, done: unknown): void;
}

/**
 * Makes an agent connect each request with the request's own lookup. For a queued request, Node uses the options of the
 * request whose socket has closed, and so would use that request's addresses.
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

/** Least time for an address to connect, in milliseconds, however little time the attempt has left. */
const SHORTEST_SHARE_MS = 250;

/**
 * The addresses of a host, which one attempt tries in turn. Node's own selection gives each address but the last only
 * 250 ms. If the other address is dead, a slower handshake then never succeeds.
 */
export class AddressList {
  #addresses: readonly LookupAddress[] | undefined;
  #index = 0;
  #isConnected = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param leftMs remaining time of the attempt, in milliseconds
   * @param onSlow called when the current address has used its share of that time
   */
  constructor(
    private readonly leftMs: () => number,
    private readonly onSlow: () => void,
  ) {}

  /** The lookup for the socket that connects to the current address. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    if (this.#addresses !== undefined) this.#give(callback);
    else {
      // Called as a member of its module, so that tests can replace it.
      dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, '');
        this.#addresses = addresses;
        this.#give(callback);
      });
    }
  };

  /** Moves on to the next address. @returns false if there is none */
  next(): boolean {
    clearTimeout(this.#timer);
    if (this.#isConnected || this.#addresses === undefined || this.#index + 1 >= this.#addresses.length)
      return false;
    this.#index += 1;
    return true;
  }

  /** The current address has connected, or the attempt has ended. No other address is tried. */
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
