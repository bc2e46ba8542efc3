import { isIPv4 } from 'node:net';

/** Whether a name or address means this machine, whatever a name server says. One of IPv6 may be in brackets. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    /^(\[::1\]|::1)$/.test(hostname) ||
    (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}
