import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { ask, startEmulator } from './emulator-command.mjs';
import { createProgressBar } from './progress-bar.mjs';

/**
 * Sends one message to so many users, with a progress bar, to an emulator in a process of its own.
 * @returns whether everyone was sent it exactly once, by the emulator's record
 */
export async function runFanOutDemo(recipients) {
  const emulator = await startEmulator();
  try {
    return await demonstrate(emulator.settings, recipients);
  } finally {
    await emulator.stop();
  }
}

async function demonstrate(settings, recipients) {
  const app = await NestFactory.createApplicationContext(
    RtcMessagingModule.forRoot({
      appId: settings.RTC_APP_ID,
      from: settings.RTC_FROM,
      endpoint: settings.RTC_ENDPOINT,
      credentials: {
        accessKeyId: settings.VOLCENGINE_ACCESS_KEY,
        secretAccessKey: settings.VOLCENGINE_SECRET_KEY,
      },
    }),
    { logger: ['error', 'warn'] },
  );
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop);
  try {
    const roomUnicast = app.get(RoomUnicastService);
    const { requests, durationMs } = roomUnicast.estimate(recipients);
    console.log(`\n=== One message to ${count(recipients)} users: ${count(requests)} requests`);
    console.log(
      `At the vendor's quota that takes at least ${(durationMs / 1_000).toFixed(1)} s. Ctrl-C stops it.\n`,
    );

    const bar = createProgressBar('{left}');
    bar.start(recipients, 0, { rate: '…', left: '' });
    const report = await roomUnicast.fanOut(
      { roomId: 'arena', to: users(recipients), message: 'The auction begins.' },
      {
        total: recipients,
        signal: stopping.signal,
        onProgress: ({ done, rate, etaMs }) =>
          bar.update(done, {
            rate: count(Math.round(rate)),
            left: etaMs === undefined ? '' : `${(etaMs / 1_000).toFixed(0)} s left`,
          }),
      },
    );
    bar.stop();

    const { status, counts, elapsedMs, throttled, requests: made } = report;
    console.log(`\n${status}: ${JSON.stringify(counts)}`);
    console.log(
      `${count(made)} requests in ${(elapsedMs / 1_000).toFixed(2)} s, ${Math.round(made / (elapsedMs / 1_000))} a second; ` +
        `${throttled} refused for the quota`,
    );
    const { accepted, duplicates, dropped } = await ask(settings, '');
    console.log(`The emulator accepted ${count(accepted)}, of them twice: ${duplicates}`);
    if (dropped.accepted > 0) {
      console.log(
        `It no longer knows the first ${count(dropped.accepted)}, so some may be missing among those.`,
      );
    }
    return status === 'accepted' && accepted === recipients && duplicates === 0;
  } finally {
    process.off('SIGINT', stop);
    await app.close();
  }
}

async function* users(recipients) {
  for (let user = 1; user <= recipients; user++) yield `user-${user}`;
}

function count(number) {
  return number.toLocaleString('en');
}
