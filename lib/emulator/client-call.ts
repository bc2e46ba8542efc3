import { base64ByteLength } from '../dto/field-rules.js';
import type { Participant, ServerMessageResult } from './participant.js';

/**
 * Calls one of the client SDK's methods for a client in another process, by its name.
 * @param checkReach @throws HttpError for a URL that it may not set
 * @returns the client SDK's callback, as JSON
 * @throws TypeError for a call that can't be read
 */
export async function callMethod(
  participant: Participant,
  { method, ...given }: Readonly<Record<string, unknown>>,
  checkReach: (url: string) => void,
): Promise<object> {
  const fieldOf = (name: string): string => {
    const value = given[name];
    if (typeof value !== 'string') throw new TypeError(`${name}: must be a string`);
    return value;
  };
  switch (method) {
    case 'setServerParams': {
      const url = fieldOf('url');
      checkReach(url);
      participant.setServerParams(fieldOf('signature'), url);
      return { event: 'onServerParamsSetResult', error: 'Success' };
    }
    case 'sendServerMessage':
      return resultJson(await participant.sendServerMessage(fieldOf('message')), given['msgid']);
    case 'sendServerBinaryMessage': {
      const message = fieldOf('message');
      if (base64ByteLength(message) === undefined) throw new TypeError('message: must be base64');
      const bytes = Buffer.from(message, 'base64');
      return resultJson(await participant.sendServerBinaryMessage(bytes), given['msgid']);
    }
    default:
      throw new TypeError('method: must be setServerParams, sendServerMessage or sendServerBinaryMessage');
  }
}

/** @param number that the client has given to the message, if it has */
function resultJson({ msgid, error, message }: ServerMessageResult, number: unknown): object {
  return {
    event: 'onServerMessageSendResult',
    msgid: typeof number === 'number' ? number : msgid,
    error,
    message: typeof message === 'string' ? message : Buffer.from(message).toString('base64'),
  };
}
