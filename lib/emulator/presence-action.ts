/** The actions that tell who is in a room, and how many requests a second each serves. */
export const PRESENCE_LIMITS = { GetRoomOnlineUsers: 40, GetRoomUsersProperty: 10 } as const;

/** The name of an action about who is in a room. */
export type PresenceAction = keyof typeof PRESENCE_LIMITS;

export function isPresenceAction(name: unknown): name is PresenceAction {
  return typeof name === 'string' && Object.hasOwn(PRESENCE_LIMITS, name);
}
