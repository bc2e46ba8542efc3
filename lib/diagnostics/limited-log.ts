import type { LoggerService } from '@nestjs/common';

/** A line is not repeated for this long. Suppressed repetitions are counted. */
const QUIET_MS = 60_000;

/** Of those that are not repeated at present. Further ones count as one. */
const MAX_LINES = 100;

export type Level = 'error' | 'warn' | 'log';

/** A log that writes a line once a minute, with the number of its suppressed repetitions. */
export class LimitedLog {
  readonly #lines = new Map<string, { until: number; suppressed: number }>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Required<Pick<LoggerService, Level>>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param key lines of one key count as repetitions */
  write(level: Level, key: string, line: string): void {
    const now = this.now();
    // Keys may contain codes of the remote side, which may invent any number of them.
    if (this.#lines.size >= MAX_LINES && !this.#lines.has(key)) {
      for (const [other, { until }] of this.#lines) if (until <= now) this.#lines.delete(other);
      if (this.#lines.size >= MAX_LINES) key = 'others';
    }
    const earlier = this.#lines.get(key);
    if (earlier !== undefined && now < earlier.until) {
      earlier.suppressed += 1;
      return;
    }
    const more = earlier?.suppressed
      ? ` It happened ${earlier.suppressed} more times since the last such line.`
      : '';
    this.#lines.set(key, { until: now + QUIET_MS, suppressed: 0 });
    this.logger[level](line + more);
  }
}
