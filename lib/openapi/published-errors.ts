/**
 * The errors in the vendor's pages: HTTP status and, where a public page gives it, `CodeN`. The pages give no HTTP
 * status for RTC's own (dotted) codes, so these have the status of their class. Sources: Volcengine documentation
 * 6348/70426 (RTC), 6440/71573 and 6408/78947 (gateway).
 */
export const PUBLISHED_ERRORS = {
  MissingParameter: { httpStatus: 400, codeN: 100_002 },
  MissingAuthenticationToken: { httpStatus: 401, codeN: 100_003 },
  MissingRequestInfo: { httpStatus: 400, codeN: 100_004 },
  MissingSignature: { httpStatus: 401, codeN: 100_005 },
  InvalidTimestamp: { httpStatus: 400, codeN: 100_006 },
  ServiceNotFound: { httpStatus: 404, codeN: 100_007 },
  InvalidActionOrVersion: { httpStatus: 404, codeN: 100_008 },
  InvalidAccessKey: { httpStatus: 401, codeN: 100_009 },
  SignatureDoesNotMatch: { httpStatus: 401, codeN: 100_010 },
  LackPolicy: { httpStatus: 403, codeN: 100_012 },
  AccessDenied: { httpStatus: 403, codeN: 100_013 },
  InternalError: { httpStatus: 500, codeN: 100_014 },
  FailToConnect: { httpStatus: 502 },
  InternalServiceError: { httpStatus: 502 },
  InternalServiceTimeout: { httpStatus: 504, codeN: 100_016 },
  FlowLimitExceeded: { httpStatus: 429 },
  AccountFlowLimitExceeded: { httpStatus: 429, codeN: 100_027 },
  ServiceUnavailableTemp: { httpStatus: 503 },
  InvalidSecretToken: { httpStatus: 401 },
  InvalidAuthorization: { httpStatus: 400 },
  InvalidCredential: { httpStatus: 400 },
  MethodNotAllowed: { httpStatus: 405 },
  'FlowLimitExceeded.QPSOverLimit': { httpStatus: 429 },
  'AccessDenied.NoPermissionForApp': { httpStatus: 403 },
  'AccessDenied.ServiceNotEnabled': { httpStatus: 403 },
  InvalidParameter: { httpStatus: 400 },
  'InvalidParameter.BodyIsEmpty': { httpStatus: 400 },
  'InvalidParameter.Unmarshal': { httpStatus: 400 },
  'InvalidParameter.IllegalAppId': { httpStatus: 400 },
  'InvalidParameter.NotExistAppId': { httpStatus: 400 },
  'InvalidParameter.EmptyAccountId': { httpStatus: 400 },
  'InvalidParameter.IllegalRoomID': { httpStatus: 400 },
  'InvalidParameter.IllegalFrom': { httpStatus: 400 },
  'InvalidParameter.IllegalTo': { httpStatus: 400 },
  'InvalidParameter.UserCountOverLimit': { httpStatus: 400 },
  'InvalidParameter.SizeOverLimit': { httpStatus: 400 },
} as const satisfies Record<string, { httpStatus: number; codeN?: number }>;

/** A code in the vendor's pages. */
export type PublishedErrorCode = keyof typeof PUBLISHED_ERRORS;

export const PUBLISHED_ERROR_CODES = Object.keys(PUBLISHED_ERRORS) as readonly PublishedErrorCode[];

export function isPublishedErrorCode(value: unknown): value is PublishedErrorCode {
  return typeof value === 'string' && Object.hasOwn(PUBLISHED_ERRORS, value);
}
