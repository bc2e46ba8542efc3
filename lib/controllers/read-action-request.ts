import type { IncomingHttpHeaders } from 'node:http';
import { checkRequest } from '../dto/check-request.js';
import { NO_SENDER } from '../dto/request-rules.js';
import type { MessageRequest } from '../dto/requests.dto.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { ACTION_ROUTES, pathParameters } from './action-routes.js';

/** What Express's and Fastify's requests have. */
export interface HttpRequest {
  readonly params: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/**
 * Nest parses forms too. A page of another site can post a form with its visitor's cookies without a preflight request.
 * It can't do that with JSON.
 */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/**
 * The request of an action. No pipe of the app has seen it, and unknown properties are refused.
 * @throws RtcValidationError with every violated rule
 */
export function readActionRequest(
  action: RtcActionName,
  { params, headers, body }: HttpRequest,
  mayNameSender: boolean,
): MessageRequest {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject || !JSON_TYPE.test(headers['content-type'] ?? '')) {
    throw new RtcValidationError([
      { path: 'body', message: 'must be a JSON object, sent with Content-Type: application/json' },
    ]);
  }
  const inPath = pathParameters(ACTION_ROUTES[action].path);
  const misplaced = inPath.filter((name) => Object.hasOwn(body, name));
  const issues = misplaced.map((path) => ({ path, message: 'belongs in the path, not in the body' }));
  if (!mayNameSender && Object.hasOwn(body, 'from')) issues.push({ path: 'from', message: NO_SENDER });
  if (issues.length > 0) throw new RtcValidationError(issues);
  const fields = Object.fromEntries(inPath.map((name) => [name, params[name]]));
  return checkRequest(action, { ...body, ...fields });
}
