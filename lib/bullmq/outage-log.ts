import type { LoggerService } from '@nestjs/common';

/** The same is not said again for this long: a connection that is down fails many times a second. */
const QUIET_MS = 60_000;

/** Tells an operator that Redis can't be reached, once in a while. */
export class OutageLog {
  readonly #said = new Map<string, number>();

  /** @param now monotonic milliseconds */
  constructor(
    private readonly logger: Pick<LoggerService, 'warn'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Redis's errors name addresses and commands, and no arguments. */
  note(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    const what = code ?? error.message.split('\n', 1)[0] ?? error.name;
    const now = this.now();
    if (now - (this.#said.get(what) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    if (this.#said.size >= 100) this.#said.clear();
    this.#said.set(what, now);
    this.logger.warn(`Redis: ${what}. Durable fan-outs wait until it is back.`);
  }
}
