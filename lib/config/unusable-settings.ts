import type { RtcConfigError } from '../errors/rtc-config.error.js';
import type { Registration } from './registration.js';
import { resolveSettings } from './resolve-settings.js';
import type { RtcMessagingSettings } from './settings.js';

/** Settings to boot with where there are none: whatever is sent is refused with what is wrong, and nothing leaves. */
export function unusableSettings(error: RtcConfigError, { name }: Registration): RtcMessagingSettings {
  const fail = async (): Promise<never> => {
    throw error;
  };
  const settings = resolveSettings(
    { appId: 'unconfigured', from: 'unconfigured', telemetry: false, credentials: fail },
    {},
    { name },
  );
  return { ...settings, credentials: fail };
}
