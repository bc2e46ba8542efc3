import type { Attributes } from '@opentelemetry/api';
import { ATTRIBUTE } from './attribute-names.js';

/** What all spans and metrics of one module have in common. */
export interface TelemetryClient {
  /** An origin. */
  readonly endpoint: string;
  /** The module's name, for apps with several accounts. */
  readonly module: string;
}

/** The vendor has no name in the conventions' list; the API is the same for both of its brands. */
const SYSTEM = 'volcengine_rtc';

export function describeClient({ endpoint, module }: TelemetryClient): Attributes {
  const { hostname, port, protocol } = new URL(endpoint);
  return {
    [ATTRIBUTE.system]: SYSTEM,
    [ATTRIBUTE.serverAddress]: hostname.replace(/^\[(.*)\]$/, '$1'),
    [ATTRIBUTE.serverPort]: Number(port || (protocol === 'http:' ? 80 : 443)),
    [ATTRIBUTE.module]: module,
  };
}
