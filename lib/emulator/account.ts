import type { RtcCredentials } from '../credentials/credentials.js';

/** An account at the emulated service: one access key and the apps that it may use. */
export interface EmulatorAccount {
  /** With an `expiration`, they are refused from then on, by the emulator's clock. */
  readonly credentials: RtcCredentials;
  /** The IDs of the apps that the access key may use. */
  readonly appIds: readonly string[];
}
