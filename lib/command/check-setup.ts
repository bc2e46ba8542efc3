import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { REGION_HOSTS } from '../config/regions.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import { describeClock } from '../diagnostics/operator-log.js';
import { type RtcClockEvent, RtcConfigError, RtcMessagingError, type RtcMessagingOptions } from '../index.js';
import { type Finding, RIGHT, type Step, stepOf, STEPS } from './check-steps.js';
import { type App, withApp } from './with-app.js';

const CANT_TELL = "this key can't tell";

/**
 * Finds out whether messages can be sent with these options and the environment, by asking who is in a room that no
 * one is in.
 * @param send whether to send a message into such a room, too
 */
export async function checkSetup(options: RtcMessagingOptions, send = false): Promise<Finding[]> {
  try {
    return await withApp(options, (app) => checkApp(app, send));
  } catch (error) {
    if (!(error instanceof RtcConfigError)) throw error;
    return error.problems.map(({ option, variable, message }) => {
      const name = variable === undefined ? option : `${option} (${variable})`;
      return { step: 'settings', status: 'failed', message: `${name}: ${message}` };
    });
  }
}

async function checkApp({ messages, presence, settings }: App, send: boolean): Promise<Finding[]> {
  let clockOffsetMs: number | undefined;
  const onClock = (event: unknown): void => {
    clockOffsetMs = (event as RtcClockEvent).offsetMs;
  };
  subscribe('nestjs-rtc-messaging:clock', onClock);
  const asked = await failureOf(() => presence.onlineUsers(randomId()));
  const isSent =
    send && settings.from !== undefined && (asked === undefined || stepOf(asked) === 'permission');
  const message = { roomId: randomId(), to: [randomId()], message: 'nestjs-rtc-messaging check --send' };
  const sent = isSent ? await failureOf(() => messages.batchSend(message)) : undefined;
  unsubscribe('nestjs-rtc-messaging:clock', onClock);

  const findings = judge(settings, asked, clockOffsetMs, isSent && sent === undefined);
  const refused = asked !== undefined && stepOf(asked) === 'messaging' ? asked : sent;
  return [...findings, { step: 'messaging', ...judgeMessaging(settings, send, isSent, refused) }];
}

type Judged = Omit<Finding, 'step'>;

function judgeMessaging(
  { from }: RtcMessagingSettings,
  isAsked: boolean,
  isSent: boolean,
  error: RtcMessagingError | undefined,
): Judged {
  if (error !== undefined) return { status: 'failed', message: inWords(error) };
  if (isSent)
    return { status: 'ok', message: 'a message was accepted, so messaging is probably switched on' };
  if (isAsked && from === undefined)
    return { status: 'unknown', message: 'not checked without a sender: give --from, or set RTC_FROM' };
  const how = isAsked ? '' : '; --send finds out, with one message into a room that no one is in';
  return { status: 'skipped', message: `not checked${how}` };
}

function judge(
  settings: RtcMessagingSettings,
  error: RtcMessagingError | undefined,
  clockOffsetMs: number | undefined,
  isAccepted: boolean,
): Finding[] {
  const stuck = error && stepOf(error);
  // A service that is off says nothing about the permission, nor about what comes after it.
  const stuckAt =
    stuck === undefined ? STEPS.length : STEPS.indexOf(stuck === 'messaging' ? 'permission' : stuck);
  const known: Partial<Record<Step, Judged>> = {};
  if (settings.endpoint.startsWith('http:'))
    known.TLS = { status: 'skipped', message: 'the endpoint is plain http:' };
  const mismatch = regionProblem(settings);
  if (mismatch !== undefined)
    known.region = { status: error === undefined || isAccepted ? 'warning' : 'failed', message: mismatch };
  if (clockOffsetMs !== undefined)
    known.clock = {
      status: 'warning',
      message: `${describeClock(clockOffsetMs)}; requests were signed with the service's time: set the clock`,
    };
  const after: Judged =
    stuck === 'permission'
      ? { status: 'unknown', message: CANT_TELL }
      : { status: 'skipped', message: 'not checked' };
  if (error !== undefined && stuck === 'permission') {
    const message = `${CANT_TELL}: it may not ask who is in a room, which sending does not need. ${inWords(error)}`;
    known.permission = { status: 'unknown', message };
  } else if (error !== undefined && stuck !== undefined && stuck !== 'messaging') {
    known[stuck] = { status: 'failed', message: inWords(error) };
  }
  return STEPS.map((step, index): Finding => {
    const isRight = index < stuckAt || (isAccepted && index > stuckAt);
    const judged = isRight ? { status: 'ok' as const, message: RIGHT[step](settings) } : after;
    return { step, ...(known[step] ?? judged) };
  });
}

/** What to do, then what happened. */
function inWords({ hint, message }: RtcMessagingError): string {
  if (hint === undefined) return message;
  return `${hint} (${message.slice(0, -hint.length).replace(/\.? *$/, '')})`;
}

/** Requests that are signed for one region, and go to the host of another. */
export function regionProblem({
  endpoint,
  region,
}: Pick<RtcMessagingSettings, 'endpoint' | 'region'>): string | undefined {
  const { hostname } = new URL(endpoint);
  const [own] = [...REGION_HOSTS].find(([, host]) => host === hostname) ?? [];
  // Volcengine's Go SDK gives its own host in Singapore the name that BytePlus's has.
  const isOtherName = own === 'ap-southeast-1' && region === 'ap-singapore-1';
  if (own === undefined || own === region || isOtherName) return undefined;
  return (
    `requests are signed for ${region}, but endpoint (RTC_ENDPOINT) is the host of ${own}; ` +
    `set region (RTC_REGION) to ${own}, or leave the endpoint out`
  );
}

/** What it was refused with. */
export async function failureOf(call: () => Promise<unknown>): Promise<RtcMessagingError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof RtcMessagingError) return error;
    throw error;
  }
}

/** Of a room or a user that there is not. */
export function randomId(): string {
  return `check-${randomUUID()}`;
}
