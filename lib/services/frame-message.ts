import { randomBytes } from 'node:crypto';
import type { CheckedRequest } from '../dto/check-request.js';
import { messageProblem } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { FRAME_BYTES, framePrefix } from '../receiver/frame.js';

/**
 * Puts the prefix before a message. Attempts of one call, and chunks of one fan-out, have the same.
 * @param random 24 of `a-z A-Z 0-9 _ -`
 * @throws RtcValidationError when the message is too large with its prefix
 */
export function frameMessage(
  action: RtcActionName,
  { message, binary }: CheckedRequest,
  isReceiptWanted: boolean,
  random: string = randomBytes(18).toString('base64url'),
) {
  const content = binary === true && typeof message === 'string' ? Buffer.from(message, 'base64') : message;
  const prefix = framePrefix(isReceiptWanted, random, content);
  const framed =
    typeof content === 'string' ? prefix + content : Buffer.concat([Buffer.from(prefix), content]);
  const problem = messageProblem(framed, undefined, RTC_ACTIONS[action].maxMessageBytes);
  if (problem !== undefined) {
    const path = `${problem}, the ${FRAME_BYTES} of the prefix for receivers included`;
    throw new RtcValidationError([{ path: 'message', message: path }]);
  }
  return { message: framed, binary: typeof framed !== 'string', messageId: prefix.slice(7, 39) };
}
