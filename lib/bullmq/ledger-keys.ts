/**
 * Where things are in Redis. All keys of a queue have one hash tag, so that a script may touch several of them in
 * a Redis Cluster.
 */
export class LedgerKeys {
  readonly #root: string;

  /** @param prefix with its braces, as BullMQ has it */
  constructor(prefix: string, queueName: string) {
    this.#root = `${prefix}:${queueName}:fan-out`;
  }

  /** The IDs of fan-outs whose end no worker has emitted as an event. */
  get active(): string {
    return `${this.#root}s`;
  }

  /** A hash: how the fan-out is done, and how far it is. */
  meta(id: string): string {
    return `${this.#root}:${id}:meta`;
  }

  /** A hash: the state of each chunk that is not completed. */
  ledger(id: string): string {
    return `${this.#root}:${id}:ledger`;
  }

  /** A hash: what is to be told of chunks that were not simply accepted. */
  outcomes(id: string): string {
    return `${this.#root}:${id}:outcomes`;
  }

  /** A list: the first of what is no user ID. */
  invalid(id: string): string {
    return `${this.#root}:${id}:invalid`;
  }

  /**
   * A hash: the recipients of each chunk that is not completed. One key, so that what keeps a fan-out keeps all of it.
   */
  chunks(id: string): string {
    return `${this.#root}:${id}:chunks`;
  }

  /** A sorted set: who enqueues it, by the time when they have been silent for too long. */
  producers(id: string): string {
    return `${this.#root}:${id}:producers`;
  }

  /** What every script is given, in the order that they expect. */
  forScript(id: string): string[] {
    return [
      this.meta(id),
      `${this.#root}:${id}:message`,
      this.ledger(id),
      this.outcomes(id),
      this.invalid(id),
      this.active,
      this.chunks(id),
      this.producers(id),
    ];
  }
}
