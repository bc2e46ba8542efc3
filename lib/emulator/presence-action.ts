/** The name of an action about who is in a room. */
export type PresenceAction = 'GetRoomOnlineUsers' | 'GetRoomUsersProperty';

/** How many requests a second each serves. */
export const PRESENCE_LIMITS: Readonly<Record<PresenceAction, number>> = {
  GetRoomOnlineUsers: 40,
  GetRoomUsersProperty: 10,
};

export function isPresenceAction(name: unknown): name is PresenceAction {
  return typeof name === 'string' && Object.hasOwn(PRESENCE_LIMITS, name);
}
