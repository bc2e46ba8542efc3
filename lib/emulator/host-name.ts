import { BlockList, isIP } from 'node:net';

/** The service's own names, under which whoever sends meant the real one. Also of a dual stack (`…-api.com`). */
const PRODUCTION = /(^|\.)(volcengineapi|byteplusapi|volcengine-api|byteplus-api)\.com$/;

/** Whose addresses have many forms. */
const LOOPBACK_V6 = new BlockList();
LOOPBACK_V6.addAddress('::1', 'ipv6');

/** Names are no longer, nor addresses. */
const MAX_LENGTH = 255;

/** The name or address in a `Host` header, in lower case, without port and final dot; undefined for what is none. */
export function hostName(host: string): string | undefined {
  if (host.length > MAX_LENGTH) return undefined;
  const [, inBrackets, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  const found = (inBrackets ?? name)?.toLowerCase().replace(/\.+$/, '');
  if (found === '' || found === undefined) return undefined;
  return withoutMapping(found);
}

export function isProductionHost(name: string): boolean {
  return PRODUCTION.test(name);
}

/** Whether a name means this machine, whatever a name server says: other names can be made to mean it. */
export function isLoopbackHost(name: string): boolean {
  const family = isIP(name);
  if (family === 0) return name === 'localhost' || name.endsWith('.localhost');
  return family === 4 ? name.startsWith('127.') : LOOPBACK_V6.check(name, 'ipv6');
}

/** An IPv4 address, also where it is written as one of IPv6. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** An origin as browsers send it: in lower case, without a default port; undefined for what is none. */
export function originOf(given: string): string | undefined {
  // Others than those of the web, such as an extension's, are sent as they are.
  if (!/^https?:/i.test(given)) return /^[a-z][a-z\d+.-]*:\/\/[^/?#@\s]+$/.test(given) ? given : undefined;
  if (!/^https?:\/\/[^/?#@\s]+$/i.test(given)) return undefined;
  return URL.canParse(given) ? new URL(given).origin : undefined;
}
