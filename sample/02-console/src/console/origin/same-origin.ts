import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request was made to this app under a name of its own, and, where a page made it, by a page of its own.
 * A foreign page could have its host name point here (DNS rebinding), or open a WebSocket, which browsers allow
 * across origins.
 *
 * @param ownNames host names under which the app may be opened, beside those of this machine
 */
export function isSameOrigin(
  { host = '', origin }: IncomingHttpHeaders,
  ownNames: readonly string[],
): boolean {
  const hostname = hostnameOf(`http://${host}`);
  if (hostname === undefined || !(isThisMachine(hostname) || ownNames.includes(hostname))) return false;
  if (origin === undefined) return true;
  // The scheme may differ: a proxy in front of the app may speak TLS.
  return URL.canParse(origin) && new URL(origin).host === new URL(`http://${host}`).host;
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
