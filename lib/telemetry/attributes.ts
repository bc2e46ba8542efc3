import type { Attributes } from '@opentelemetry/api';

/** Instrumentation scope of the library's spans and metrics. */
export const SCOPE = 'nestjs-rtc-messaging';

/** What all spans and metrics of one module share. */
export interface TelemetryClient {
  /** An origin. */
  readonly endpoint: string;
  /** The module's name, for apps with several accounts. */
  readonly module: string;
}

/**
 * Attributes of OpenTelemetry's semantic conventions (those for messaging are still in development). Attributes without
 * a convention begin with this package's name. The conventions have no name for the vendor, whose brands have the same
 * API.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/
 */
export function describeClient({ endpoint, module }: TelemetryClient): Attributes {
  const { hostname, port, protocol } = new URL(endpoint);
  return {
    'messaging.system': 'volcengine_rtc',
    'server.address': hostname.replace(/^\[(.*)\]$/, '$1'),
    'server.port': Number(port || (protocol === 'http:' ? 80 : 443)),
    'nestjs_rtc_messaging.module': module,
  };
}

/**
 * Makes a function that returns the `error.type` of a code: the vendor's, Node's or this library's. The remote side may
 * invent any number of codes, and each value is a time series. So beyond the limit they are `_OTHER`, as the conventions
 * have it.
 */
export function errorTypes(limit = 100): (code: string | undefined) => string {
  const known = new Set<string>();
  return (code) => {
    if (code === undefined || (known.size >= limit && !known.has(code))) return '_OTHER';
    known.add(code);
    return code;
  };
}
