import { create, createText } from './dom.js';
import { setLabel, setText } from './language.js';
import { createErrorView, createFacts, createNumber, createVerdict, fact } from './outcome-views.js';

/**
 * @typedef {import('../fan-out/fan-out-end.js').FanOutEnd} FanOutEnd
 * @typedef {import('../fan-out/fan-out-end.js').FanOutSummary} FanOutSummary
 * @typedef {import('nestjs-rtc-messaging').FanOutProgress} FanOutProgress
 */

/** How far a fan-out is, and what it came to. */
export class FanOutView {
  /** @type {ReturnType<typeof createRunning> | undefined} */
  #running;
  #total = 0;

  /**
   * @param {(content: HTMLElement) => void} show
   * @param {() => void} onCancel
   */
  constructor(show, onCancel) {
    this.show = show;
    this.onCancel = onCancel;
  }

  get runningElement() {
    return this.#running?.element;
  }

  /**
   * @param {number} total
   * @returns {boolean} whether none is running already
   */
  begin(total) {
    if (this.#running !== undefined) return false;
    this.#total = total;
    const running = createRunning(total);
    this.#running = running;
    running.cancel.addEventListener('click', () => {
      setText(running.details, 'cancelling');
      running.cancel.setAttribute('aria-disabled', 'true');
      this.onCancel();
    });
    this.show(running.element);
    return true;
  }

  /** @param {FanOutProgress} progress */
  update({ done, rate, etaMs }) {
    if (this.#running === undefined) return;
    const { bar, count, details, cancel } = this.#running;
    bar.value = done;
    setText(count, 'fanOutProgress', { done, total: this.#total });
    if (cancel.getAttribute('aria-disabled') === 'true') return;
    const left = etaMs === undefined ? '…' : Math.ceil(etaMs / 1_000);
    setText(details, 'fanOutRate', { rate: Math.round(rate), left });
  }

  /** @param {FanOutEnd} end */
  end(end) {
    this.#running = undefined;
    this.show(createEnd(end));
  }

  /** The connection over which it would have been told is gone, and the fan-out with it. */
  lose() {
    if (this.#running === undefined) return;
    this.#running = undefined;
    this.show(createText('p', 'problem', 'fanOutLost'));
  }
}

/** @param {number} total */
function createRunning(total) {
  const bar = create('progress');
  bar.max = total;
  bar.value = 0;
  setLabel(bar, 'fanOutRunning');
  const count = createText('span', 'number', 'fanOutProgress', { done: 0, total });
  const details = createText('span', 'note', 'fanOutStarting');
  const cancel = createText('button', '', 'cancel');
  cancel.type = 'button';
  const element = create(
    'div',
    'running',
    create('div', 'running-head', createText('strong', '', 'fanOutRunning'), count),
    bar,
    create('div', 'running-foot', details, cancel),
  );
  return { element, bar, count, details, cancel };
}

/** @param {FanOutEnd} end */
function createEnd(end) {
  if ('refused' in end) {
    return createText('p', 'problem', end.refused === 'busy' ? 'fanOutBusy' : 'fanOutUnconfirmed');
  }
  if ('report' in end) return createReport(end.report);
  return createErrorView(/** @type {import('./outcome-views.js').ThrownError} */ (end.error));
}

/** @type {Readonly<Record<FanOutSummary['status'], import('./language.js').TextKey>>} */
const MEANINGS = {
  accepted: 'fanOutAccepted',
  partial: 'fanOutPartial',
  rejected: 'fanOutRejected',
  aborted: 'fanOutAborted',
};

/** What came of the question who is in the room. @type {Readonly<Record<NonNullable<FanOutSummary['presence']>, import('./language.js').TextKey>>} */
const PRESENCE = {
  used: 'presenceUsed',
  incomplete: 'presenceIncomplete',
  timed_out: 'presenceTimedOut',
  failed: 'presenceFailed',
};

/**
 * @param {FanOutSummary['status']} status
 * @param {number} [absent]
 */
function meaningOf(status, absent = 0) {
  return status === 'accepted' && absent > 0 ? 'fanOutAcceptedPresent' : MEANINGS[status];
}

/** @param {FanOutSummary} report */
function createReport({ status, counts, presence, elapsedMs, requests, throttled, stop, error }) {
  const seconds = elapsedMs / 1_000;
  return create(
    'div',
    'result',
    createVerdict(status, meaningOf(status, counts.absent), { reason: stop ?? '' }),
    createFacts(
      [
        fact('countInput', createNumber(counts.input)),
        fact('countAccepted', createNumber(counts.accepted)),
        ...(counts.absent === undefined ? [] : [fact('countAbsent', createNumber(counts.absent))]),
        fact('countRejected', createNumber(counts.rejected)),
        fact('countUnknown', createNumber(counts.unknown)),
        fact('countNotAttempted', createNumber(counts.notAttempted)),
      ],
      'figures counts',
    ),
    createFacts([
      ...(presence === undefined ? [] : [fact('presence', createText('span', '', PRESENCE[presence]))]),
      fact('requests', createNumber(requests)),
      fact('throttled', createNumber(throttled)),
      fact(
        'elapsed',
        createText('span', '', 'elapsedSeconds', {
          seconds: seconds.toFixed(2),
          rate: Math.round(requests / Math.max(seconds, 0.001)),
        }),
      ),
    ]),
    ...(error === undefined ? [] : createFirstError(error)),
  );
}

/** @param {object} error */
function createFirstError(error) {
  return [
    createText('h3', '', 'firstError'),
    createErrorView(/** @type {import('./outcome-views.js').ThrownError} */ (error)),
  ];
}
