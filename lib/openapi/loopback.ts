/** Whether a host of a URL is this machine. `URL` gives every IPv4 address its four numbers. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || /^(\[::1\]|127(\.\d+){3})$/.test(hostname)
  );
}
