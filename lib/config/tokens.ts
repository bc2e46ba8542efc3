/**
 * Injection token of the checked settings. A string, as the others: an ES module copy and a CommonJS copy of this
 * package may be loaded side by side.
 */
export const RTC_MESSAGING_SETTINGS = 'nestjs-rtc-messaging:settings';

/** Injection token of the module's registration. */
export const RTC_MESSAGING_REGISTRATION = 'nestjs-rtc-messaging:registration';
