import {
  isPublishedErrorCode,
  PUBLISHED_ERRORS,
  type PublishedErrorCode,
} from '../openapi/published-errors.js';

/** The vendor's codes that the emulator can answer with. */
export type ApiErrorCode = PublishedErrorCode;

/** Every code that the emulator can answer with. */
export const API_ERROR_CODES = Object.keys(PUBLISHED_ERRORS) as readonly ApiErrorCode[];

export const isApiErrorCode = isPublishedErrorCode;

/** A request is refused with one of the documented codes. */
export class ApiError extends Error {
  readonly httpStatus: number;
  readonly codeN: number | undefined;

  constructor(
    readonly apiCode: ApiErrorCode,
    message: string,
    httpStatus?: number,
  ) {
    super(message);
    const documented: { httpStatus: number; codeN?: number } = PUBLISHED_ERRORS[apiCode];
    this.httpStatus = httpStatus ?? documented.httpStatus;
    this.codeN = documented.codeN;
  }
}
