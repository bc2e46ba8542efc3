import { isIPv4 } from 'node:net';

/** The origin that requests go to, or what is wrong with it. The value is not shown: it may hold a password. */
export function readEndpoint(
  value: string,
  allowInsecure: boolean,
): { origin: string } | { problem: string } {
  if (!URL.canParse(value)) return { problem: 'must be an origin such as https://rtc.volcengineapi.com' };
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { problem: 'must begin with https://' };
  if (url.username || url.password) return { problem: 'must not hold a user name or password' };
  if (url.pathname !== '/' || url.search || url.hash) {
    return { problem: 'must be an origin alone, without a path, query or fragment' };
  }
  if (url.protocol === 'http:' && !allowInsecure && !isLoopback(url.hostname)) {
    return {
      problem:
        'is plain http: to a host that is not this machine; use https:, or set allowInsecureEndpoint ' +
        '(RTC_ALLOW_INSECURE_ENDPOINT) if the way there is private',
    };
  }
  return { origin: url.origin };
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}
