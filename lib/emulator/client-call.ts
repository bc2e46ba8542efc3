import { base64ByteLength } from '../dto/field-rules.js';
import { type Participant, type ServerMessageResult, textOf } from './participant.js';

/**
 * Calls one of the client SDK's methods for a client in another process, by its name.
 * @param checkReach @throws HttpError for a URL that it may not set
 * @returns the client SDK's callback, as JSON
 * @throws TypeError for a call that can't be read
 */
export async function callMethod(
  participant: Participant,
  { method, msgid, ...given }: Readonly<Record<string, unknown>>,
  checkReach: (url: string) => void,
): Promise<object> {
  const fieldOf = (name: string): string => {
    const value = given[name];
    if (typeof value !== 'string') throw new TypeError(`${name}: must be a string`);
    return value;
  };
  let result: ServerMessageResult;
  switch (method) {
    case 'setServerParams': {
      const url = fieldOf('url');
      checkReach(url);
      participant.setServerParams(fieldOf('signature'), url);
      return { event: 'onServerParamsSetResult', error: 'Success' };
    }
    case 'sendServerMessage':
      result = await participant.sendServerMessage(fieldOf('message'));
      break;
    case 'sendServerBinaryMessage': {
      const message = fieldOf('message');
      if (base64ByteLength(message) === undefined) throw new TypeError('message: must be base64');
      result = await participant.sendServerBinaryMessage(Buffer.from(message, 'base64'));
      break;
    }
    default:
      throw new TypeError('method: must be setServerParams, sendServerMessage or sendServerBinaryMessage');
  }
  return {
    event: 'onServerMessageSendResult',
    ...result,
    message: textOf(result.message),
    // A client may number its messages by itself.
    ...(typeof msgid === 'number' && { msgid }),
  };
}
