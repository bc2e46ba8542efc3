/**
 * What became of everyone who was read from the source: the numbers beside `input` add up to it, at any time
 * once the fan-out has ended.
 */
export interface FanOutCounts {
  /** Read from the source. */
  readonly input: number;
  /** Left out because they had been named before. */
  readonly duplicates: number;
  /** Left out because they are no user IDs. */
  readonly invalid: number;
  /** Left out because they were not in the room; there with `skipAbsent` alone. */
  readonly absent?: number;
  /** The service took the message for them. */
  readonly accepted: number;
  /** The service said no. */
  readonly rejected: number;
  /** It may have been accepted for them; nothing that was seen proves either. */
  readonly unknown: number;
  /** No byte of the message was sent to them. */
  readonly notAttempted: number;
}
