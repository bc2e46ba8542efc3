import type { RtcCredentials } from '../credentials/credentials.js';

/** Options for `RtcMessagingModule.forRoot()` that lead to the emulator. */
export interface EmulatorModuleOptions {
  readonly appId: string;
  readonly from: string;
  readonly endpoint: string;
  readonly credentials: RtcCredentials;
}
