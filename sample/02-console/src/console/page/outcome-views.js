import { create, createEnglish, createText } from './dom.js';
import { formatNumber } from './language.js';

/**
 * @typedef {import('nestjs-rtc-messaging').Attempt} Attempt
 * @typedef {import('nestjs-rtc-messaging').SendReceipt} SendReceipt
 * @typedef {import('./language.js').TextKey} TextKey
 * @typedef {{
 *   readonly name: string,
 *   readonly code: string,
 *   readonly message: string,
 *   readonly outcome: import('nestjs-rtc-messaging').FailureOutcome,
 *   readonly attempts: readonly Attempt[],
 *   readonly possibleDuplicate: boolean,
 *   readonly apiCode?: string,
 *   readonly requestId?: string,
 *   readonly messageId?: string,
 *   readonly hint?: string,
 * }} ThrownError An error of the library, as JSON.
 */

/** @type {Readonly<Record<string, TextKey>>} */
const MEANINGS = {
  accepted: 'outcomeAccepted',
  rejected: 'outcomeRejected',
  unknown: 'outcomeUnknown',
  not_attempted: 'outcomeNotAttempted',
};

/** @param {SendReceipt} receipt */
export function createReceiptView({ outcome, action, recipients, requestId, attempts, possibleDuplicate }) {
  return create(
    'div',
    'result',
    createVerdict(outcome, MEANINGS[outcome]),
    createFacts([
      [
        'recipients',
        // It names none.
        action === 'SendBroadcast' ? createText('span', '', 'recipientsEveryone') : createNumber(recipients),
      ],
      ['requestId', createCode(requestId)],
      ['possibleDuplicate', createText('span', '', possibleDuplicate ? 'yes' : 'no')],
    ]),
    createAttempts(attempts),
  );
}

/** @param {ThrownError} error */
export function createErrorView(error) {
  const { name, code, outcome, message, hint, requestId, possibleDuplicate, attempts } = error;
  return create(
    'div',
    'result',
    createVerdict(outcome, MEANINGS[outcome]),
    create(
      'div',
      'thrown',
      create('p', 'thrown-name', createCode(name), createCode(code)),
      // The message ends with the hint, which has a line of its own.
      createEnglish('p', 'thrown-message', hint === undefined ? message : message.replace(hint, '')),
      ...(hint === undefined
        ? []
        : [create('p', 'hint', createText('strong', '', 'hint'), createEnglish('span', '', hint))]),
    ),
    createFacts([
      ...(requestId === undefined ? [] : [fact('requestId', createCode(requestId))]),
      fact('possibleDuplicate', createText('span', '', possibleDuplicate ? 'yes' : 'no')),
      ...(attempts.length > 0 ? [] : [fact('attempts', createText('span', '', 'attemptsNone'))]),
    ]),
    ...(attempts.length > 0 ? [createAttempts(attempts)] : []),
  );
}

/**
 * @param {string} outcome as the library names it
 * @param {TextKey | undefined} meaning
 * @param {import('./language.js').Values} [values]
 */
export function createVerdict(outcome, meaning, values) {
  const badge = createEnglish('span', 'badge', outcome);
  badge.dataset['outcome'] = outcome;
  return create(
    'div',
    'verdict',
    badge,
    ...(meaning === undefined ? [] : [createText('p', '', meaning, values)]),
  );
}

/**
 * @param {TextKey} key
 * @param {HTMLElement} value
 * @returns {readonly [TextKey, HTMLElement]}
 */
export function fact(key, value) {
  return [key, value];
}

/**
 * @param {readonly (readonly [TextKey, HTMLElement])[]} facts
 * @param {string} [className]
 */
export function createFacts(facts, className = 'facts') {
  return create(
    'dl',
    className,
    ...facts.map(([key, value]) => create('div', '', createText('dt', '', key), create('dd', '', value))),
  );
}

/** @param {string} text */
export function createCode(text) {
  return createEnglish('code', '', text);
}

/** @param {number} value */
export function createNumber(value) {
  return create('span', 'number', formatNumber(value));
}

/** @param {readonly Attempt[]} attempts */
function createAttempts(attempts) {
  return create(
    'div',
    'attempts',
    createText('h3', '', 'attempts'),
    create('ol', '', ...attempts.map(createAttempt)),
  );
}

/** @param {Attempt} attempt */
function createAttempt({ outcome, phase, durationMs, httpStatus, failure }) {
  const badge = createEnglish('span', 'badge small', outcome);
  badge.dataset['outcome'] = outcome;
  return create(
    'li',
    '',
    badge,
    ...(failure === undefined ? [] : [createCode(failure)]),
    create(
      'span',
      'note',
      createText('span', '', 'attemptDetails', { ms: Math.round(durationMs), phase }),
      ...(httpStatus === undefined
        ? []
        : [' · ', createText('span', '', 'httpStatus', { status: String(httpStatus) })]),
    ),
  );
}
