/**
 * Of the client SDKs' own declarations, what receives messages and sends to the business server: their shapes as in
 * `@volcengine/rtc` 4.68, `@volcengine/vertc-electron-sdk` 3.60 and the React Native SDK. The packages themselves are
 * programs for browsers and devices.
 */
export const CLIENT_SDKS = `
declare module '@volcengine/rtc' {
  enum EngineEventsTypes {
    onRoomMessageReceived = 'onRoomMessageReceived',
    onRoomBinaryMessageReceived = 'onRoomBinaryMessageReceived',
    onUserMessageReceived = 'onUserMessageReceived',
    onUserBinaryMessageReceived = 'onUserBinaryMessageReceived',
    onUserMessageReceivedOutsideRoom = 'onUserMessageReceivedOutsideRoom',
    onUserBinaryMessageReceivedOutsideRoom = 'onUserBinaryMessageReceivedOutsideRoom',
    onError = 'onError',
  }
  interface UserMessageEvent { userId: string; message: string }
  interface UserBinaryMessageEvent { userId: string; message: ArrayBuffer }
  interface IEngineEvents {
    [EngineEventsTypes.onRoomMessageReceived]: (event: { userId: string; message: any }) => void;
    [EngineEventsTypes.onRoomBinaryMessageReceived]: (event: UserBinaryMessageEvent) => void;
    [EngineEventsTypes.onUserMessageReceived]: (event: UserMessageEvent) => void;
    [EngineEventsTypes.onUserBinaryMessageReceived]: (event: UserBinaryMessageEvent) => void;
    [EngineEventsTypes.onUserMessageReceivedOutsideRoom]: (event: UserMessageEvent) => void;
    [EngineEventsTypes.onUserBinaryMessageReceivedOutsideRoom]: (event: UserBinaryMessageEvent) => void;
    [EngineEventsTypes.onError]: (event: { errorCode: string }) => void;
  }
  export interface IRTCEngine {
    on<Event extends keyof IEngineEvents>(event: Event, listener: IEngineEvents[Event]): this;
    off<Event extends keyof IEngineEvents>(event: Event, listener?: IEngineEvents[Event]): this;
    sendServerMessage: (message: string) => Promise<any>;
  }
  const VERTC: { events: typeof EngineEventsTypes };
  export default VERTC;
}

declare module '@volcengine/vertc-electron-sdk' {
  import type { EventEmitter } from 'node:events';
  interface Callbacks {
    onRoomMessageReceived(uid: string, message: string): void;
    onRoomBinaryMessageReceived(uid: string, message: Buffer): void;
    onUserMessageReceived(uid: string, message: string): void;
    onUserBinaryMessageReceived(uid: string, message: Buffer): void;
    onUserMessageReceivedOutsideRoom(uid: string, message: string): void;
    onUserBinaryMessageReceivedOutsideRoom(uid: string, message: Buffer): void;
    onServerMessageSendResult(msgid: number, error: number, msg: string): void;
  }
  class RTCRoom extends EventEmitter {
    on(evt: 'onRoomMessageReceived', cb: Callbacks['onRoomMessageReceived']): this;
    on(evt: 'onRoomBinaryMessageReceived', cb: Callbacks['onRoomBinaryMessageReceived']): this;
    on(evt: 'onUserMessageReceived', cb: Callbacks['onUserMessageReceived']): this;
    on(evt: 'onUserBinaryMessageReceived', cb: Callbacks['onUserBinaryMessageReceived']): this;
  }
  export class RTCEngine extends EventEmitter {
    createRTCRoom(room_id: string): RTCRoom;
    sendServerMessage(message: string): number;
    on(evt: 'onUserMessageReceivedOutsideRoom', cb: Callbacks['onUserMessageReceivedOutsideRoom']): this;
    on(evt: 'onUserBinaryMessageReceivedOutsideRoom', cb: Callbacks['onUserBinaryMessageReceivedOutsideRoom']): this;
    on(evt: 'onServerMessageSendResult', cb: Callbacks['onServerMessageSendResult']): this;
  }
}

declare module '@volcengine/react-native-rtc' {
  export interface RTCVideoEventHandler {
    onUserMessageReceivedOutsideRoom?(msgid: number | string, uid: string, message: string): void;
    onUserBinaryMessageReceivedOutsideRoom?(msgid: number | string, uid: string, message: ArrayBuffer): void;
    onServerMessageSendResult?(msgid: number | string, error: number, message: ArrayBuffer): void;
  }
  export interface RTCRoomEventHandler {
    onRoomMessageReceived?(msgid: number | string, uid: string, message: string): void;
    onRoomBinaryMessageReceived?(msgid: number | string, uid: string, message: ArrayBuffer): void;
    onUserMessageReceived?(msgid: number | string, uid: string, message: string): void;
    onUserBinaryMessageReceived?(msgid: number | string, uid: string, message: ArrayBuffer): void;
  }
  export interface IEngine {
    setRtcVideoEventHandler(handlers: RTCVideoEventHandler): number;
    sendServerMessage(message: string): Promise<number | string>;
  }
  export interface IRoom {
    setRTCRoomEventHandler(handlers: RTCRoomEventHandler): number;
  }
}

declare module '@react-native-async-storage/async-storage' {
  const AsyncStorage: {
    getItem(key: string): Promise<string | null>;
    setItem(key: string, value: string): Promise<void>;
  };
  export default AsyncStorage;
}

declare const localStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
`;
