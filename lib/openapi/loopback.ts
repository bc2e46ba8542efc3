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
