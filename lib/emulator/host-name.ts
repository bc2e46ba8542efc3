/** The service's own names, under which whoever sends meant the real one. Also of a dual stack (`…-api.com`). */
const PRODUCTION = /(^|\.)(volcengineapi|byteplusapi|volcengine-api|byteplus-api)\.com$/;
/** Names are no longer, nor addresses. */
const MAX_LENGTH = 255;

/**
 * The name or address in a `Host` header, as URLs have it: in lower case, without port, brackets and final dots;
 * undefined for what is none.
 */
export function hostName(host: string): string | undefined {
  const isHost = host.length <= MAX_LENGTH && /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`);
  if (!isHost) return undefined;
  const { hostname } = new URL(`http://${host}`);
  return hostname.replaceAll(/^\[|\]$|\.+$/g, '');
}

export function isProductionHost(name: string): boolean {
  return PRODUCTION.test(name);
}

/** An IPv4 address, also where it is written as one of IPv6. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** Whether it is an origin as browsers send it: in lower case, without a default port. */
export function isOrigin(given: unknown): boolean {
  if (typeof given !== 'string' || !URL.canParse(given)) return false;
  const { origin, protocol, host } = new URL(given);
  // Others than those of the web, such as an extension's, have none for a URL.
  return given === (origin === 'null' ? `${protocol}//${host}` : origin);
}
