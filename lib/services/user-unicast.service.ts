import { Injectable } from '@nestjs/common';
import type { UserUnicastRequest } from '../dto/user-unicast.dto.js';
import { ActionCaller } from './action-caller.js';
import type { SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';

/** Sends messages to users who are logged in, wherever they are: also to clients of the RTS SDK. */
@Injectable()
export class UserUnicastService {
  readonly #caller: ActionCaller;

  constructor(caller: ActionCaller) {
    this.#caller = caller;
  }

  /**
   * Sends one message of up to 64 KB to one user who is logged in, in a room or not (`SendUnicast`). Clients get it
   * in `onUserMessageReceivedOutsideRoom` or `onUserBinaryMessageReceivedOutsideRoom`. Otherwise as
   * `RoomUnicastService.batchSend()`, errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164061
   */
  send(request: UserUnicastRequest, options: SendOptions = {}): Promise<SendReceipt> {
    return this.#caller.call('SendUnicast', request, options);
  }
}
