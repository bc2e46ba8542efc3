/** A request that came to the API, whatever became of it. */
export interface RecordedRequest {
  readonly requestId: string;
  readonly at: Date;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly outcome: 'accepted' | 'refused';
  readonly httpStatus: number;
  /** Why it was refused. */
  readonly apiCode?: string;
}
