import { type Rule, typeName, wrong } from '../options/rules.js';

/** The origin that requests go to. */
export const origin: Rule<string> = (given) => {
  if (typeof given !== 'string') return wrong(`must be a string, got ${typeName(given)}`);
  // A host and a port alone are an emulator's, for the most part: `localhost:8787` is read as a protocol.
  if (!given.includes('://') && URL.canParse(`http://${given}`)) {
    const isLocal = isLoopback(new URL(`http://${given}`).hostname);
    return wrong(`must begin with ${isLocal ? 'http:// or https://' : 'https://'}`);
  }
  if (!URL.canParse(given)) return wrong('must be an origin such as https://rtc.volcengineapi.com');
  const url = new URL(given);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return wrong('must begin with https://');
  if (url.username || url.password) return wrong('must not hold a user name or password');
  if (url.pathname !== '/' || url.search || url.hash) {
    return wrong('must be an origin alone, without a path, query or fragment');
  }
  return { value: url.origin };
};

/** Whether the endpoint is plain `http:` on another machine, so that anyone on the way can read the messages. */
export function isInsecure(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'http:' && !isLoopback(hostname);
}

/**
 * Whether a name or address means this machine, whatever a name server says. One of IPv6 may be in brackets. `URL`
 * gives every IPv4 address its four numbers.
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    /^(\[::1\]|::1|127(\.\d{1,3}){3})$/.test(hostname)
  );
}
