import { PUBLISHED_ERRORS, type PublishedErrorCode } from '../openapi/published-errors.js';

/** A request is not served: with this HTTP status, for the reason in the message. */
export class HttpError extends Error {
  constructor(
    readonly httpStatus: number,
    message: string,
  ) {
    super(message);
  }
}

/** A request to the API is refused with one of the vendor's codes. */
export class ApiError extends HttpError {
  readonly codeN: number | undefined;

  /** @param httpStatus by default the documented one */
  constructor(
    readonly apiCode: PublishedErrorCode,
    message: string,
    httpStatus?: number,
  ) {
    const documented: { httpStatus: number; codeN?: number } = PUBLISHED_ERRORS[apiCode];
    super(httpStatus ?? documented.httpStatus, message);
    this.codeN = documented.codeN;
  }
}

/** @throws HttpError unless it holds */
export function ensure(holds: unknown, httpStatus: number, message: string): asserts holds {
  if (!holds) throw new HttpError(httpStatus, message);
}

/** @throws ApiError unless it holds */
export function check(holds: unknown, apiCode: PublishedErrorCode, message: string): asserts holds {
  if (!holds) throw new ApiError(apiCode, message);
}

/** What is answered to someone who asked for what can't be done, whatever was thrown. */
export function refusalOf(error: unknown): { readonly httpStatus: number; readonly reason: string } {
  return {
    httpStatus: error instanceof HttpError ? error.httpStatus : 400,
    reason: error instanceof Error ? error.message : 'failed',
  };
}
