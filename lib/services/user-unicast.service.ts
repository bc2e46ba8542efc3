import { Injectable } from '@nestjs/common';
import type { UserUnicastRequest } from '../dto/requests.dto.js';
import { ActionCaller, callers } from './action-caller.js';
import type { SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';

/** Sends messages to logged-in users, in a room or not, and to clients of the RTS SDK. */
@Injectable()
export class UserUnicastService {
  constructor(caller: ActionCaller) {
    callers.set(this, caller);
  }

  /**
   * Sends one message of up to 64 KB to one logged-in user, in a room or not (`SendUnicast`). Clients get it in
   * `onUserMessageReceivedOutsideRoom` or `onUserBinaryMessageReceivedOutsideRoom`. Otherwise like
   * `RoomUnicastService.batchSend()`, errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164061
   */
  send(request: UserUnicastRequest, options?: SendOptions): Promise<SendReceipt> {
    return callers.of(this).call('SendUnicast', request, options);
  }
}
