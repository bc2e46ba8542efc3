import { once } from 'node:events';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { startSampleApp } from './sample-app.mjs';

/** Listened for from the start: a signal that comes early must not leave the sample behind. */
const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

const ROOM = process.env.RTC_DEMO_ROOM ?? 'demo-room';
const USERS = (process.env.RTC_DEMO_USERS ?? 'alice,bob,carol').split(',').map((userId) => userId.trim());
const TITLE = 'Real-time messaging, 第一课';
const BYTES = Buffer.from([0xca, 0xfe, 0x00, 0x01]);

/** @returns whether everything arrived that should have */
export async function runDemo({ once: onlyOnce }) {
  return usesRealService(process.env) ? demoWithAccount(onlyOnce) : demoWithEmulator(onlyOnce);
}

export function usesRealService({ VOLCENGINE_ACCESS_KEY, VOLCENGINE_SECRET_KEY, RTC_ENDPOINT }) {
  return Boolean(VOLCENGINE_ACCESS_KEY && VOLCENGINE_SECRET_KEY && !RTC_ENDPOINT);
}

async function demoWithEmulator(onlyOnce) {
  const emulator = await RtcEmulator.start();
  heading(`The emulator stands in for the remote service on ${emulator.url}`);
  const participants = USERS.map((userId) => emulator.room(ROOM).join(userId));
  console.log(`In room ${ROOM}: ${USERS.join(', ')}`);

  const { appId, appKey, from, endpoint, credentials } = emulator.moduleOptions();
  heading('The sample app');
  const app = await startSampleApp({
    RTC_APP_ID: appId,
    RTC_APP_KEY: appKey,
    RTC_FROM: from,
    RTC_ENDPOINT: endpoint,
    VOLCENGINE_ACCESS_KEY: credentials.accessKeyId,
    VOLCENGINE_SECRET_KEY: credentials.secretAccessKey,
    // Set, if empty, so that a .env file with real settings has no say here.
    VOLCENGINE_SESSION_TOKEN: '',
    RTC_REGION: '',
    RTC_API_VERSION: '',
  });
  try {
    await sendBoth(app);
    heading('What each user received');
    const missing = participants.filter((participant) => !showReceived(participant));
    if (missing.length > 0) {
      console.error(`\nMissing: not everything reached ${missing.map(({ userId }) => userId).join(', ')}.`);
    }
    showHowToTry(app, USERS);
    if (!onlyOnce) {
      for (const participant of participants) {
        participant.on('received', (message) => console.log(line(participant.userId, message)));
        participant.on('left', () =>
          console.log(`  ${participant.userId.padEnd(8)} has moved to the console`),
        );
      }
      await serve(app);
    }
    return missing.length === 0;
  } finally {
    await app.stop();
    await emulator.close();
  }
}

async function demoWithAccount(onlyOnce) {
  const region = process.env.RTC_REGION || 'cn-north-1';
  heading(`Access key found in the environment: messages go to the REAL service, region ${region}`);
  console.log(`Room ${ROOM}, users ${USERS.join(', ')} (RTC_DEMO_ROOM, RTC_DEMO_USERS).`);
  console.log(
    'Accepted is all that this side can see; whether the users received anything, their clients show.',
  );
  const app = await startSampleApp({});
  try {
    const accepted = await sendBoth(app);
    showHowToTry(app, []);
    if (!onlyOnce) await serve(app);
    return accepted;
  } finally {
    await app.stop();
  }
}

/** Text through the sample's own endpoint, binary through the library's controller. */
async function sendBoth(app) {
  heading('Two messages, sent through the running app');
  const requests = [
    [`/classes/${ROOM}/start`, { title: TITLE, students: USERS }],
    [`/rtc/rooms/${ROOM}/unicast`, { to: USERS, message: BYTES.toString('base64'), binary: true }],
  ];
  let accepted = true;
  for (const [path, body] of requests) {
    const response = await app.post(path, body);
    console.log(
      `POST ${path} ${JSON.stringify(body)}\n  ${response.status} ${JSON.stringify(response.body)}`,
    );
    accepted &&= response.status === 200;
  }
  return accepted;
}

/** @returns whether the text and the binary message have both arrived, once and unchanged */
function showReceived({ userId, received }) {
  for (const message of received) console.log(line(userId, message));
  const [text, binary] = received;
  return (
    received.length === 2 &&
    text.event === 'onUserMessageReceived' &&
    text.message === JSON.stringify({ type: 'class.started', title: TITLE }) &&
    binary.event === 'onUserBinaryMessageReceived' &&
    BYTES.equals(binary.message)
  );
}

function line(userId, { event, from, message }) {
  const shown = typeof message === 'string' ? message : `<${Buffer.from(message).toString('hex')}>`;
  return `  ${userId.padEnd(8)} ${event}(${from}, ${shown})`;
}

function showHowToTry(app, users) {
  heading('Try it yourself');
  // The part behind # stays in the browser: the key, the room, and who is to join it.
  const start = new URLSearchParams({
    key: app.apiKey,
    room: ROOM,
    ...(users.length > 0 && { join: users.join() }),
  });
  console.log(`The console, in a browser:\n${app.url}/#${start}\n\nOr on the command line:`);
  console.log(
    `curl -X POST ${app.url}/rtc/rooms/${ROOM}/unicast \\\n` +
      `  -H 'Content-Type: application/json' -H 'X-Api-Key: ${app.apiKey}' \\\n` +
      `  -d '${JSON.stringify({ to: USERS.slice(0, 1), message: 'hello' })}'`,
  );
}

/** Goes on until Ctrl-C, or until the app ends by itself. */
async function serve(app) {
  console.log('\nCtrl-C ends it.');
  await Promise.race([interrupted, app.exited]);
}

function heading(text) {
  console.log(`\n=== ${text}`);
}
