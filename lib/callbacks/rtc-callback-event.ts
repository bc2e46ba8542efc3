/** EventData of the events of a room, as far as it was documented. Names are the vendor's. */
export interface RtcRoomEventData {
  /** The room. */
  readonly RoomId: string;
  /** When it happened, in milliseconds since the epoch. */
  readonly Timestamp?: number;
}

/** EventData of the events of a user, as far as it was documented. */
export interface RtcUserEventData extends RtcRoomEventData {
  /** The user. */
  readonly UserId: string;
  /** The user's device, in the vendor's words. */
  readonly DeviceType?: string;
  /** Why a user left: `userLeave`, `connectionLost`, `onUserTokenDidExpire` and others. */
  readonly Reason?: string;
}

/**
 * The data of each known event.
 * @see https://www.volcengine.com/docs/6348/69820
 */
export type RtcEventData = Record<
  'UserJoinRoom' | 'UserLeaveRoom' | 'InvisibleUserJoinRoom' | 'InvisibleUserLeaveRoom',
  RtcUserEventData
> &
  Record<'RoomCreate' | 'RoomDestroy', RtcRoomEventData>;

/** The events whose data has a type. Any other one can be handled too: its data is unknown JSON. */
export type RtcEventType = keyof RtcEventData;

/** Of any event. No other value of one looks like it: its signature stays right when two values are swapped. */
export const EVENT_TYPE = /^[a-z][\w.-]{0,127}$/i;

/** An event that the service has told of, as handlers get it. */
export interface RtcCallbackEvent<Type extends string = string> {
  /** The vendor's EventType. */
  readonly type: Type;
  /** The vendor's EventId. An event that is sent again has the same one. */
  readonly id: string;
  /** The vendor's EventTime. */
  readonly time: Date;
  /** The app's ID. */
  readonly appId: string;
  /** The version of the event's form. */
  readonly version: string;
  /**
   * The JSON of EventData. Of the known events, the IDs were checked: they are strings. All else is as the service sent
   * it.
   */
  readonly data: Type extends RtcEventType ? RtcEventData[Type] : unknown;
}
