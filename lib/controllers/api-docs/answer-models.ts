import type { ApiPropertyOptions } from '@nestjs/swagger';

/** What `@nestjs/swagger` takes for a model, by the static method that its compiler plugin adds to classes. */
type Properties = Readonly<Record<string, ApiPropertyOptions>>;

const REQUEST_ID = {
  type: 'string',
  description: "The vendor's ID of the request.",
  example: '20261124103000A1B2C3D4E5F6A7B8C9D0',
} satisfies ApiPropertyOptions;

/** The API documentation's model of `SendReceipt`. */
export class RtcSendReceipt {
  static readonly _OPENAPI_METADATA_FACTORY = (): Properties => ({
    outcome: {
      type: 'string',
      enum: ['accepted'],
      description: 'Accepted by the service is not delivered.',
    },
    action: { type: 'string', description: "The vendor's action.", example: 'BatchSendRoomUnicast' },
    requestId: REQUEST_ID,
    recipients: {
      type: 'integer',
      minimum: 1,
      required: false,
      description: 'How many different users were addressed; absent for a broadcast, which names none.',
    },
    attempts: { type: () => [RtcAttempt], description: 'Every HTTP attempt, oldest first.' },
    possibleDuplicate: {
      type: 'boolean',
      description: 'Whether an attempt before the accepted one may have been accepted too.',
    },
  });
}

/** The API documentation's model of `Attempt`. */
export class RtcAttempt {
  static readonly _OPENAPI_METADATA_FACTORY = (): Properties => ({
    outcome: { type: 'string', enum: ['accepted', 'rejected', 'unknown', 'not_attempted'] },
    phase: {
      type: 'string',
      enum: ['queued', 'connecting', 'sent', 'headers', 'done'],
      description: 'How far it came; from `sent` on, the message may have been accepted.',
    },
    startedAt: { type: 'string', format: 'date-time' },
    durationMs: { type: 'number', description: 'Milliseconds.' },
    httpStatus: { type: 'integer', required: false },
    requestId: { ...REQUEST_ID, required: false },
    throttled: { type: 'boolean', enum: [true], required: false, description: 'The quota was used up.' },
    failure: { type: 'string', required: false, example: 'ECONNREFUSED' },
  });
}

/** The API documentation's model of `RtcErrorBody`. */
export class RtcErrorAnswer {
  static readonly _OPENAPI_METADATA_FACTORY = (): Properties => ({
    statusCode: { type: 'integer', example: 502 },
    error: { type: 'string', description: 'The status in words.', example: 'Bad Gateway' },
    code: {
      type: 'string',
      enum: [
        'RTC_CONFIG',
        'RTC_VALIDATION',
        'RTC_API',
        'RTC_NETWORK',
        'RTC_TIMEOUT',
        'RTC_ABORTED',
        'RTC_QUOTA',
      ],
    },
    message: { type: 'string' },
    outcome: {
      type: 'string',
      enum: ['rejected', 'unknown', 'not_attempted'],
      description: 'After `unknown`, sending again may deliver the message twice.',
    },
    requestId: { ...REQUEST_ID, required: false },
    issues: {
      type: () => [RtcIssue],
      required: false,
      description: 'With 400: every rule that was broken.',
    },
  });
}

/** The API documentation's model of `ValidationIssue`. */
export class RtcIssue {
  static readonly _OPENAPI_METADATA_FACTORY = (): Properties => ({
    path: {
      type: 'string',
      description: 'The field, with the index where it is one of many.',
      example: 'to[3]',
    },
    message: { type: 'string', description: "The rule, and the value's problem." },
  });
}
