/** What the browser says of its language, which may be anything; empty if it says nothing. */
export const browserLanguage = read();

// uPlot formats its numbers in that language as soon as it is loaded, and throws if the tag is not well-formed, such as
// the `en-US@posix` of Chromium on a machine without a language. So this stands before it, and corrects what it reads.
if (!isWellFormed()) Object.defineProperty(navigator, 'language', { configurable: true, value: 'en' });

/** @returns {string} */
function read() {
  try {
    const { language } = navigator;
    return typeof language === 'string' ? language : '';
  } catch {
    return '';
  }
}

/** @returns {boolean} */
function isWellFormed() {
  try {
    Intl.NumberFormat.supportedLocalesOf(navigator.language);
    return true;
  } catch {
    return false;
  }
}
