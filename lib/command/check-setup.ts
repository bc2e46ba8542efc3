import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { INestApplicationContext } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { describeClock } from '../diagnostics/operator-log.js';
import { type RtcClockEvent, RtcConfigError, RtcMessagingError, type RtcMessagingOptions } from '../index.js';
import { regionProblem, RIGHT, type Step, stepOf, STEPS } from './check-steps.js';
import { RoomPresenceService, RoomUnicastService, withApp } from './with-app.js';

/** A line of the check. */
export interface Finding {
  readonly step: Step | 'quota';
  /** `unknown`: the access key may not ask; `skipped`: something else has to be mended first. */
  readonly status: 'ok' | 'warning' | 'failed' | 'unknown' | 'skipped';
  /** What was found, and what to do about it. */
  readonly message: string;
}

const CANT_TELL = "this key can't tell";

/**
 * Finds out whether messages can be sent with these options and the environment, by asking who is in a room that no
 * one is in.
 * @param send whether to send a message into such a room, too
 */
export async function checkSetup(options: RtcMessagingOptions, send = false): Promise<Finding[]> {
  try {
    return await withApp(options, (app, settings) => checkApp(app, settings, send));
  } catch (error) {
    if (!(error instanceof RtcConfigError)) throw error;
    return error.problems.map(({ option, variable, message }) => {
      const name = variable === undefined ? option : `${option} (${variable})`;
      return { step: 'settings', status: 'failed', message: `${name}: ${message}` };
    });
  }
}

async function checkApp(
  app: INestApplicationContext,
  settings: RtcMessagingSettings,
  send: boolean,
): Promise<Finding[]> {
  const { from, endpoint, region } = settings;
  let clock: RtcClockEvent | undefined;
  const onClock = (event: unknown): void => void (clock = event as RtcClockEvent);
  subscribe('nestjs-rtc-messaging:clock', onClock);
  const refusal = await failureOf(app.get(RoomPresenceService).onlineUsers(randomId()));
  const stuck = refusal && stepOf(refusal);
  const isSent = send && from !== undefined && (stuck === undefined || stuck === 'permission');
  const message = { roomId: randomId(), to: [randomId()], message: 'nestjs-rtc-messaging check --send' };
  const unsent = isSent ? await failureOf(app.get(RoomUnicastService).batchSend(message)) : undefined;
  unsubscribe('nestjs-rtc-messaging:clock', onClock);

  const isAccepted = isSent && unsent === undefined;
  // A service that is off says nothing about the permission, nor about what comes after it.
  const place = STEPS.findIndex((step) => step === (stuck === 'messaging' ? 'permission' : stuck));
  return STEPS.map((step, index): Finding => {
    const as = (status: Finding['status'], what: string): Finding => ({ step, status, message: what });
    if (refusal && step === stuck) {
      const why = `${CANT_TELL}: it may not ask who is in a room, which sending does not need.`;
      const words = inWords(refusal);
      return step === 'permission' ? as('unknown', `${why} ${words}`) : as('failed', words);
    }
    if (step === 'TLS' && endpoint.startsWith('http:')) return as('skipped', 'the endpoint is plain http:');
    if (step === 'clock' && clock !== undefined) {
      const how = "requests were signed with the service's time: set the clock";
      return as('warning', `${describeClock(clock.offsetMs)}; ${how}`);
    }
    const mismatch = step === 'region' ? regionProblem(endpoint, region) : undefined;
    if (mismatch !== undefined) return as(place < 0 || isAccepted ? 'warning' : 'failed', mismatch);
    if (step === 'messaging' && !isAccepted) {
      if (unsent !== undefined) return as('failed', inWords(unsent));
      if (send && from === undefined)
        return as('unknown', 'not checked without a sender: give --from, or set RTC_FROM');
      const how = '; --send finds out, with one message into a room that no one is in';
      return as('skipped', `not checked${send ? '' : how}`);
    }
    if (place < 0 || index < place || isAccepted) return as('ok', RIGHT[step](settings));
    return stuck === 'permission' ? as('unknown', CANT_TELL) : as('skipped', 'not checked');
  });
}

/** What to do, then what happened. */
function inWords({ hint, message }: RtcMessagingError): string {
  if (hint === undefined) return message;
  return `${hint} (${message.slice(0, -hint.length).replace(/\.? *$/, '')})`;
}

/** What a call was refused with. */
export function failureOf(call: Promise<unknown>): Promise<RtcMessagingError | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof RtcMessagingError) return error;
      throw error;
    },
  );
}

/** The ID of a room or a user that there is not. */
export function randomId(): string {
  return `check-${randomUUID()}`;
}
