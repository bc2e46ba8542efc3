import type { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

/** The variables of an app that talks to this emulator. */
export function emulatorEnvironment(emulator: RtcEmulator): Record<string, string> {
  const { appId, from, endpoint, credentials } = emulator.moduleOptions();
  return {
    RTC_APP_ID: appId,
    RTC_FROM: from,
    RTC_ENDPOINT: endpoint,
    VOLCENGINE_ACCESS_KEY: credentials.accessKeyId,
    VOLCENGINE_SECRET_KEY: credentials.secretAccessKey,
  };
}
