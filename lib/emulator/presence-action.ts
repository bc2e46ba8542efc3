/** The actions that tell who is in a room, and how many requests a second each serves. */
export const PRESENCE_LIMITS = { GetRoomOnlineUsers: 40, GetRoomUsersProperty: 10 } as const;

/** The name of an action about who is in a room. */
export type PresenceAction = keyof typeof PRESENCE_LIMITS;
export const PRESENCE_ACTIONS = Object.keys(PRESENCE_LIMITS) as PresenceAction[];

export function isPresenceAction(name: unknown): name is PresenceAction {
  return PRESENCE_ACTIONS.includes(name as PresenceAction);
}
