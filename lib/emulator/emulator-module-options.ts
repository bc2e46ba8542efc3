import type { RtcCredentials } from '../credentials/credentials.js';

/** Options for `RtcMessagingModule.forRoot()` that lead to the emulator. */
export interface EmulatorModuleOptions {
  /** An app of the emulator's account. */
  readonly appId: string;
  /** The sender whom the emulator was started with. */
  readonly from: string;
  /** The emulator's origin. */
  readonly endpoint: string;
  /** The access key of the emulator's account. */
  readonly credentials: RtcCredentials;
}
