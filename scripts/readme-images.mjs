// Makes the images of the README, into docs/images: the console as it runs, and the badges.
import { chromium } from 'playwright-core';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildLibrary } from './build-library.mjs';
import { startSampleApp } from './demo/sample-app.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { runTool } from './run.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs/images');
const SIZE = { width: 1200, height: 900 };
const USERS = ['alice', 'bob'];
const SIMULATED_USERS = 600_000;

await ensureInstalled();
await mkdir(FOLDER, { recursive: true });
await writeBadges();
await buildLibrary();
await runTool('@nestjs/cli/bin/nest.js', ['build']);
await photographConsole();

async function writeBadges() {
  const { engines, license, peerDependencies } = JSON.parse(
    await readFile(join(ROOT, 'package.json'), 'utf8'),
  );
  const nest = Array.from(peerDependencies['@nestjs/common'].matchAll(/\^(\d+)/g), ([, major]) => major);
  const badges = {
    node: engines.node.replaceAll('^', '').replaceAll(' ||', ','),
    nest: nest.join(', '),
    license,
  };
  for (const [name, text] of Object.entries(badges)) {
    await writeFile(join(FOLDER, `badge-${name}.svg`), badge(name, text));
  }
}

/** Two fields of text; a character takes 7 px about. */
function badge(name, value) {
  const text = value.replaceAll('>', '&gt;');
  const [left, right] = [name, value].map(({ length }) => length * 7 + 12);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img">` +
    `<title>${name}: ${text}</title><g fill="#fff" font-family="Verdana,sans-serif" font-size="11">` +
    `${field(0, left, '#555', name)}${field(left, right, '#0a6ebd', text)}</g></svg>\n`
  );
}

function field(x, width, color, content) {
  return (
    `<rect x="${x}" width="${width}" height="20" fill="${color}"/>` +
    `<text x="${x + width / 2}" y="14" textLength="${width - 12}" text-anchor="middle">${content}</text>`
  );
}

async function photographConsole() {
  const { RtcEmulator } = await import('../dist/esm/emulator/index.js');
  const emulator = await RtcEmulator.start();
  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  const sample = await startSampleApp({
    RTC_ENDPOINT: endpoint,
    RTC_APP_ID: appId,
    RTC_APP_KEY: appKey,
    RTC_FROM: from,
    VOLCENGINE_ACCESS_KEY: credentials.accessKeyId,
    VOLCENGINE_SECRET_KEY: credentials.secretAccessKey,
  });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH || (await packagedChromium()),
    // Chromium refuses to run as root with its sandbox.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  try {
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: SIZE, colorScheme, locale: 'en-US' });
      await page.goto(`${sample.url}/#key=${sample.apiKey}&room=auction-${colorScheme}`);
      await page.locator('#panels').waitFor();
      for (const user of USERS) {
        await page.fill('#user-id', user);
        await page.press('#user-id', 'Enter');
        await page.locator(`[data-user="${user}"] [role=log]`).waitFor();
      }
      // So that there is a rate to see.
      await page.locator('label:has(#to-simulated)').click();
      await page.fill('#simulated-users', String(SIMULATED_USERS));
      await page.fill('#text', 'The auction begins.');
      await page.click('#send');
      await page.locator('#outcome', { hasText: 'accepted' }).waitFor();
      await page.locator('label:has(#to-chosen)').click();
      await page.locator('label:has(#receipt)').click();
      await page.fill('#text', 'You won the bid');
      await page.click('#send');
      await page.locator(`[data-user="${USERS[0]}"] [role=log]`, { hasText: 'You won the bid' }).waitFor();
      await page.locator('#outcome', { hasText: `${USERS.length} of ${USERS.length} confirmed` }).waitFor();
      // The browser that is packaged has no font for the button's Chinese.
      await page.locator('#language').evaluate((button) => button.remove());
      await page.evaluate(() => {
        scrollTo(0, 0);
        // Receipts that have just come are still changing their colour.
        for (const animation of document.getAnimations()) animation.finish();
      });
      // Not as PNG, which is three times as large: the images are a part of the package.
      const devTools = await page.context().newCDPSession(page);
      const { data } = await devTools.send('Page.captureScreenshot', { format: 'webp', quality: 90 });
      await writeFile(join(FOLDER, `console-${colorScheme}.webp`), Buffer.from(data, 'base64'));
      await page.close();
    }
  } finally {
    await browser.close();
    await sample.stop();
    await emulator.close();
  }
}

async function packagedChromium() {
  const { default: packaged } = await import('@sparticuz/chromium');
  return packaged.executablePath();
}
