import { QuotaWindow } from './quota-window.js';

/** So many warnings a minute tell an operator enough. More would fill the terminal. */
const MAX_A_MINUTE = 5;
const MINUTE_MS = 60_000;
/** What was warned of is forgotten when it is so much. */
const MAX_REMEMBERED = 1_000;

/** Warnings in the emulator's process: one for each subject, and a bounded number a minute. */
export class Warnings {
  readonly #subjects = new Set<string>();
  readonly #minute: QuotaWindow;

  /** @param now monotonic milliseconds */
  constructor(
    now: () => number = () => performance.now(),
    private readonly emit = (text: string) => process.emitWarning(text, 'RtcEmulatorWarning'),
  ) {
    this.#minute = new QuotaWindow(MAX_A_MINUTE, 'sliding', now, MINUTE_MS);
  }

  /** @param subject what the warning is said once for */
  warn(subject: string, textOf: () => string): void {
    if (this.#subjects.has(subject) || !this.#minute.admit()) return;
    if (this.#subjects.size >= MAX_REMEMBERED) this.#subjects.clear();
    this.#subjects.add(subject);
    const isLast = !this.#minute.hasRoom(1);
    this.emit(isLast ? `${textOf()} There are no more warnings in this minute.` : textOf());
  }
}
