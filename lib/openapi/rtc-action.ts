/** Rules of an action: its fields beside `AppId`, `From`, `Binary` and `Message`, and its message size. */
export interface RtcActionRules {
  /** Whether the action has a room (`RoomId`). */
  readonly inRoom: boolean;
  /** The recipients (`To`): up to 600 users, one user, or none. */
  readonly to: 'list' | 'one' | 'none';
  /** Largest message: UTF-8 bytes of text, or decoded bytes of binary. */
  readonly maxMessageBytes: number;
}

/**
 * The messaging actions of the remote API; they share one quota.
 * Source: Volcengine documentation 6348/1164061–1164064, 6348/142118 (limits). The pages say KB: 1,024 bytes.
 */
export const RTC_ACTIONS = {
  BatchSendRoomUnicast: { inRoom: true, to: 'list', maxMessageBytes: 20 * 1_024 },
  SendRoomUnicast: { inRoom: true, to: 'one', maxMessageBytes: 64 * 1_024 },
  SendBroadcast: { inRoom: true, to: 'none', maxMessageBytes: 64 * 1_024 },
  SendUnicast: { inRoom: false, to: 'one', maxMessageBytes: 64 * 1_024 },
} as const satisfies Record<string, RtcActionRules>;

/** A messaging action of the remote API. */
export type RtcActionName = keyof typeof RTC_ACTIONS;

/** Whether it is the name of a messaging action. */
export function isRtcActionName(name: unknown): name is RtcActionName {
  return typeof name === 'string' && Object.hasOwn(RTC_ACTIONS, name);
}

/** The service name in the signature's scope. */
export const RTC_SERVICE = 'rtc';
