import { Injectable } from '@nestjs/common';
import type { UserUnicastRequest } from '../dto/requests.dto.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { ActionCaller } from './action-caller.js';
import type { SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';

const hidden = new HiddenParts<{ readonly caller: ActionCaller }>();

/** Sends messages to users who are logged in, wherever they are: also to clients of the RTS SDK. */
@Injectable()
export class UserUnicastService {
  constructor(caller: ActionCaller) {
    hidden.set(this, { caller });
  }

  /**
   * Sends one message of up to 64 KB to one user who is logged in, in a room or not (`SendUnicast`). Clients get it
   * in `onUserMessageReceivedOutsideRoom` or `onUserBinaryMessageReceivedOutsideRoom`. Otherwise as
   * `RoomUnicastService.batchSend()`, errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164061
   */
  send(request: UserUnicastRequest, options?: SendOptions): Promise<SendReceipt> {
    return hidden.of(this).caller.call('SendUnicast', request, options);
  }
}
