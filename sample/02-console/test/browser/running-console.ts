import type { Browser } from 'playwright-core';
import { launchChromium } from './chromium.js';
import { ConsolePage, type ConsolePageOptions } from './console-page.js';
import { type SampleApp, startSampleApp } from './started-app.js';

/** The sample, and a browser to look at its console with. */
export class RunningConsole {
  private constructor(
    private readonly app: SampleApp,
    private readonly browser: Browser,
  ) {}

  /**
   * @param browserEnv the browser's environment, in place of this process's
   * @param appEnv the sample's, added to what it needs
   */
  static async start(
    endpoint: string,
    browserEnv?: Readonly<Record<string, string>>,
    appEnv: Readonly<Record<string, string>> = {},
  ): Promise<RunningConsole> {
    const app = await startSampleApp({ RTC_ENDPOINT: endpoint, ...appEnv });
    try {
      return new RunningConsole(app, await launchChromium(browserEnv));
    } catch (error) {
      await app.stop();
      throw error;
    }
  }

  get url(): string {
    return this.app.url;
  }

  open(options?: ConsolePageOptions): Promise<ConsolePage> {
    return ConsolePage.open(this.browser, this.url, options);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.app.stop();
  }
}
