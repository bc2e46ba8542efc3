import type { PipeTransform } from '@nestjs/common';
import type { MessageRequest } from '../dto/requests.dto.js';
import { checkRequest } from '../dto/check-request.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';

/** The parts of an HTTP request that a message is made from. */
export interface ActionHttpRequest {
  readonly params: Readonly<Record<string, unknown>>;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

/**
 * Nest parses forms too. A page of another site can post a form with its visitor's cookies without a preflight request.
 * It can't do that with JSON.
 */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** The controllers' own validation pipe. It is independent of the app's pipes, and refuses unknown properties. */
export class ActionRequestPipe implements PipeTransform<ActionHttpRequest, MessageRequest> {
  constructor(
    private readonly action: RtcActionName,
    private readonly mayNameSender: boolean,
    private readonly pathParameters: readonly string[],
  ) {}

  transform({ params, contentType, body }: ActionHttpRequest): MessageRequest {
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    if (!isObject || !JSON_TYPE.test(contentType ?? '')) {
      throw new RtcValidationError([
        { path: 'body', message: 'must be a JSON object, sent with Content-Type: application/json' },
      ]);
    }
    const misplaced = this.pathParameters.filter((name) => Object.hasOwn(body, name));
    if (misplaced.length > 0) {
      throw new RtcValidationError(
        misplaced.map((path) => ({ path, message: 'belongs in the path, not in the body' })),
      );
    }
    const fields = this.pathParameters.map((name) => [name, params[name]]);
    return checkRequest(this.action, { ...body, ...Object.fromEntries(fields) }, this.mayNameSender);
  }
}
