import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { API_KEY } from './started-app.js';

/** How a page is opened; its `fragment` is what stands behind the `#`, its `script` runs before those of the page. */
export type ConsolePageOptions = BrowserContextOptions & {
  readonly fragment?: string;
  readonly script?: string;
};

/** A page of the console, with everything that a browser complains about. */
export class ConsolePage {
  private constructor(
    readonly page: Page,
    /** Errors and warnings of the console, exceptions, and requests that failed. */
    readonly problems: readonly string[],
  ) {}

  /** Opens it as the demo's link does; with an empty fragment, as one who knows nothing. */
  static async open(
    browser: Browser,
    url: string,
    { fragment = `key=${API_KEY}&room=room-1`, script, ...options }: ConsolePageOptions = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({
      locale: 'en-US',
      viewport: { width: 1440, height: 900 },
      ...options,
    });
    if (script !== undefined) await context.addInitScript(script);
    const page = await context.newPage();
    // Below the time limit of a test, so that a failure names what was waited for.
    page.setDefaultTimeout(200_000);
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('requestfailed', (request) => problems.push(`${request.url()} failed`));
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.url()} answered ${response.status()}`);
    });
    await page.goto(`${url}/${fragment === '' ? '' : `#${fragment}`}`);
    const opened = new ConsolePage(page, problems);
    if (fragment !== '') await opened.panels.waitFor();
    return opened;
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  get panels(): Locator {
    return this.page.locator('#panels');
  }

  get outcome(): Locator {
    return this.page.locator('#outcome');
  }

  async join(...userIds: readonly string[]): Promise<void> {
    for (const userId of userIds) {
      await this.page.fill('#user-id', userId);
      await this.page.press('#user-id', 'Enter');
      await this.inbox(userId).waitFor();
    }
  }

  inbox(userId: string): Locator {
    return this.page.locator(`[data-user="${userId}"] [role=log]`);
  }

  /** One of a pair or triple of choices, as a user picks it. */
  async choose(id: string): Promise<void> {
    await this.page.locator(`label:has(#${id})`).click();
  }

  async send(text: string): Promise<void> {
    await this.page.fill('#text', text);
    await this.page.click('#send');
  }

  async startFanOut(users: number, text: string): Promise<void> {
    await this.choose('to-simulated');
    await this.page.fill('#simulated-users', String(users));
    await this.send(text);
  }

  async switchFaultOn(name: string, share = 'all'): Promise<void> {
    await this.page.selectOption('#fault-name', name);
    if (name !== 'refuse') await this.page.selectOption('#fault-share', share);
    await this.page.click('#fault-button');
    await this.page.locator('#fault-panel.on').waitFor();
  }
}
