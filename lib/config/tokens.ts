/**
 * Where the checked settings are. A string, since an ES module copy and a CommonJS copy of this package may be
 * loaded side by side.
 */
export const RTC_MESSAGING_SETTINGS = 'nestjs-rtc-messaging:settings';

/** Where what is known from the registration is. */
export const RTC_MESSAGING_REGISTRATION = 'nestjs-rtc-messaging:registration';
