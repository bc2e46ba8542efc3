import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';

/** The name of an action about who is in a room. */
export type PresenceAction = 'GetRoomOnlineUsers' | 'GetRoomUsersProperty';

/** The name of an action that the emulator serves. */
export type EmulatedAction = RtcActionName | PresenceAction;

/** How the actions are asked for that send, and those that tell who is in a room. */
const SENDING = { method: 'POST', versions: ['2023-07-20', '2020-12-01'] };
const ASKING = { method: 'GET', versions: ['2023-11-01'] };

/** How many requests a second each serves. */
export const PRESENCE_LIMITS: Readonly<Record<PresenceAction, number>> = {
  GetRoomOnlineUsers: 40,
  GetRoomUsersProperty: 10,
};

/** Which method and versions an action has; undefined for one that there is not. */
export function callOf(
  action: string,
): { readonly method: string; readonly versions: readonly string[] } | undefined {
  if (Object.hasOwn(RTC_ACTIONS, action)) return SENDING;
  return Object.hasOwn(PRESENCE_LIMITS, action) ? ASKING : undefined;
}

export function isEmulatedAction(name: unknown): name is EmulatedAction {
  return typeof name === 'string' && callOf(name) !== undefined;
}
