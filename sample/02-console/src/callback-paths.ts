/** Where the service tells of events, and where it posts what clients send to this app. */
export const EVENTS_PATH = '/rtc/events';
export const CLIENT_MESSAGES_PATH = '/rtc/messages';
