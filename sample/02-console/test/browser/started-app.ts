import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSample, urlOf } from '../app-process.js';

export const API_KEY = 'open-sesame';

/** The built sample, in a process of its own. */
export interface SampleApp {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param environment the library's variables */
export async function startSampleApp(environment: Record<string, string>): Promise<SampleApp> {
  // Not in the project's folder, where there may be a .env file.
  const folder = await mkdtemp(join(tmpdir(), 'rtc-console-'));
  const child = spawnSample(folder, {
    SAMPLE_API_KEY: API_KEY,
    PORT: '0',
    VOLCENGINE_ACCESS_KEY: 'emulator-access-key',
    VOLCENGINE_SECRET_KEY: 'emulator-secret-key',
    RTC_APP_ID: 'emulator-app',
    RTC_FROM: 'server',
    RTC_CALLBACK_SECRETS: 'secret-of-the-callback',
    RTC_CLIENT_MESSAGE_SECRETS: 'secret-for-messages-of-clients',
    ...environment,
  });
  return {
    url: await urlOf(child),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}
