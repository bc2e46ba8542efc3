/**
 * Injection token of the checked settings. A string, since an ES module copy and a CommonJS copy of this package may be
 * loaded side by side.
 */
export const CALLBACK_SETTINGS = 'nestjs-rtc-messaging:callback-settings';
