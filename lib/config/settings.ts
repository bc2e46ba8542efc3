import type { ResolveCredentials, RtcCredentials } from '../credentials/credentials.js';
import type { OptionValues } from '../options/option-table.js';
import type { Redacted } from '../privacy/redacted.js';
import type { MODULE_OPTIONS } from './module-option-table.js';

type Values = OptionValues<typeof MODULE_OPTIONS>;

/** The options and the environment, merged, checked and with defaults: what the rest of the library reads. */
export interface RtcMessagingSettings extends Omit<Values, 'credentials' | 'allowInsecureEndpoint'> {
  /** Of this module among several. */
  readonly name: string;
  /** An origin: the region's, where none was given. */
  readonly endpoint: string;
  readonly isEndpointGiven: boolean;
  readonly credentials: Redacted<RtcCredentials> | ResolveCredentials;
}
