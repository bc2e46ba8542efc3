import type { RtcCredentialsOption } from '../credentials/credentials.js';
import type { RtcConfigError } from '../errors/rtc-config.error.js';
import type { OptionValues } from '../options/option-table.js';
import type { Redacted } from '../privacy/redacted.js';
import type { MODULE_OPTIONS } from './module-option-table.js';

type Values = OptionValues<typeof MODULE_OPTIONS>;

/** The checked settings: options, environment and defaults, merged. */
export interface RtcMessagingSettings extends Omit<Values, 'credentials' | 'allowInsecureEndpoint'> {
  /** The module's name, or `default`. */
  readonly name: string;
  /** The service's origin: the given one, or the region's. */
  readonly endpoint: string;
  readonly isEndpointGiven: boolean;
  /** An error if the module boots without usable settings. */
  readonly credentials: Redacted<RtcCredentialsOption> | RtcConfigError;
}
