import { base64ByteLength } from '../dto/field-rules.js';
import { type Participant, textOf } from './participant.js';

/**
 * Calls one of the client SDK's methods for a client in another process, by its name.
 * @param checkReach @throws HttpError for a URL that it may not set
 * @returns the client SDK's callback, as JSON
 * @throws TypeError for a call that can't be read
 */
export async function callMethod(
  participant: Participant,
  { method, msgid, message, signature, url }: Readonly<Record<string, unknown>>,
  checkReach: (url: unknown) => void,
): Promise<object> {
  if (method === 'setServerParams') {
    checkReach(url);
    participant.setServerParams(signature as string, url as string);
    return { event: 'onServerParamsSetResult', error: 'Success' };
  }
  const isBinary = method === 'sendServerBinaryMessage';
  if (!isBinary && method !== 'sendServerMessage') {
    throw new TypeError('method: must be setServerParams, sendServerMessage or sendServerBinaryMessage');
  }
  if (typeof message !== 'string') throw new TypeError('message: must be a string');
  if (isBinary && base64ByteLength(message) === undefined) throw new TypeError('message: must be base64');
  const result = isBinary
    ? await participant.sendServerBinaryMessage(Buffer.from(message, 'base64'))
    : await participant.sendServerMessage(message);
  return {
    event: 'onServerMessageSendResult',
    ...result,
    message: textOf(result.message),
    // A client may number its messages by itself.
    ...(typeof msgid === 'number' && { msgid }),
  };
}
