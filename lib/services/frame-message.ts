import { createHash, randomBytes } from 'node:crypto';
import type { CheckedRequest } from '../dto/check-request.js';
import { messageProblem } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { digestContext, FRAME_BYTES, FRAME_HEADS } from '../receiver/frame-layout.js';

/** A message with the prefix that a receiver takes off. */
export interface FramedMessage extends Pick<CheckedRequest, 'message' | 'binary'> {
  readonly messageId: string;
}

/**
 * Puts the prefix before a message. Attempts of one call, and chunks of one fan-out, have the same.
 * @param from the sender that clients will see
 * @param random 16 of `a-z A-Z 0-9 _ -`
 * @throws RtcValidationError when the message is too large with its prefix
 */
export function frameMessage(
  action: RtcActionName,
  { message, binary }: CheckedRequest,
  from: string,
  isReceiptWanted: boolean,
  random: string = randomBytes(12).toString('base64url'),
): FramedMessage {
  const isText = typeof message === 'string' && binary !== true;
  const content = typeof message === 'string' ? Buffer.from(message, isText ? 'utf8' : 'base64') : message;
  const head = FRAME_HEADS[isReceiptWanted ? 'receipt' : 'once'] + random;
  const digest = createHash('sha256').update(digestContext(head, from)).update(content).digest('hex');
  const prefix = `${head}${digest.slice(0, 16)}]`;
  const framed = isText ? prefix + message : Buffer.concat([Buffer.from(prefix), content]);
  const problem = messageProblem(framed, undefined, RTC_ACTIONS[action].maxMessageBytes);
  if (problem !== undefined) {
    const path = `${problem}, the ${FRAME_BYTES} of the prefix for receivers included`;
    throw new RtcValidationError([{ path: 'message', message: path }]);
  }
  return { message: framed, binary: !isText, messageId: random + digest.slice(0, 16) };
}
