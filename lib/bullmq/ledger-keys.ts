/** The keys of a fan-out, in the order that the scripts expect. `lua/shared.lua` describes them. */
const PARTS = ['meta', 'message', 'ledger', 'outcomes', 'invalid', 'chunks', 'producers'] as const;

/**
 * Names of the keys in Redis. All keys of a queue have one hash tag, so a script may use several of them in a Cluster.
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

  of(id: string, part: (typeof PARTS)[number]): string {
    return `${this.#root}:${id}:${part}`;
  }

  /** The keys for every script. */
  forScript(id: string): string[] {
    return [...PARTS.map((part) => this.of(id, part)), this.active];
  }
}
