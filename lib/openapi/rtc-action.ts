/** An action of the remote API: `BatchSendRoomUnicast` is the only one so far. */
export type RtcActionName = 'BatchSendRoomUnicast';

/** The service name in the signature's scope. */
export const RTC_SERVICE = 'rtc';
