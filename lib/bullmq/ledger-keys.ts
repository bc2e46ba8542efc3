/** What is kept of each fan-out, in keys of its own; `lua/shared.lua` says what each of them is. */
type LedgerPart = 'meta' | 'message' | 'ledger' | 'outcomes' | 'invalid' | 'chunks' | 'producers';

/**
 * Where things are in Redis. All keys of a queue have one hash tag, so that a script may touch several of them in
 * a Redis Cluster.
 */
export class LedgerKeys {
  readonly #root: string;
  /** The IDs of fan-outs whose end no worker has emitted as an event. */
  readonly active: string;

  /** @param prefix with its braces, as BullMQ has it */
  constructor(prefix: string, queueName: string) {
    this.#root = `${prefix}:${queueName}:fan-out`;
    this.active = `${this.#root}s`;
  }

  of(id: string, part: LedgerPart): string {
    return `${this.#root}:${id}:${part}`;
  }

  /** What every script is given, in the order that they expect. */
  forScript(id: string): string[] {
    const before = (['meta', 'message', 'ledger', 'outcomes', 'invalid'] as const).map((part) =>
      this.of(id, part),
    );
    return [...before, this.active, this.of(id, 'chunks'), this.of(id, 'producers')];
  }
}
