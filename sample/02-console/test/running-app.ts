import { ValidationPipe } from '@nestjs/common';
import type { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { emulatorEnvironment } from '../../../test/support/emulator-environment.js';
import { PLATFORMS } from '../../../test/support/platforms.js';
import { startApp, type TestApp } from '../../../test/support/test-app.js';

const [express] = PLATFORMS;

/** The header that the sample wants. */
export const SAMPLE_KEY = { 'x-api-key': 'sesame' };

/**
 * The sample app in this process. It is set up by the process's environment, which the test has to restore.
 * @param endpoint another one than the emulator's
 */
export async function startSample(emulator: RtcEmulator, endpoint = emulator.url): Promise<TestApp> {
  Object.assign(process.env, emulatorEnvironment(emulator), {
    SAMPLE_API_KEY: SAMPLE_KEY['x-api-key'],
    RTC_CALLBACK_SECRETS: 'secret-of-the-callback',
    RTC_CLIENT_MESSAGE_SECRETS: 'secret-for-messages-of-clients',
    RTC_ENDPOINT: endpoint,
  });
  const { AppModule } = await import('../src/app.module.js');
  return startApp(express!, { imports: [AppModule] }, (app) =>
    app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true })),
  );
}
