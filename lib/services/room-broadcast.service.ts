import { Injectable } from '@nestjs/common';
import type { RoomBroadcastRequest } from '../dto/requests.dto.js';
import { ActionCaller, callers } from './action-caller.js';
import type { SendOptions } from './send-options.js';
import type { BroadcastReceipt } from './send-receipt.js';

/** Sends messages to everyone in a room. */
@Injectable()
export class RoomBroadcastService {
  constructor(caller: ActionCaller) {
    callers.set(this, caller);
  }

  /**
   * Sends one message of up to 64 KB to everyone in a room (`SendBroadcast`). Clients get it in `onRoomMessageReceived`
   * or `onRoomBinaryMessageReceived`. The receipt has no `recipients`, and clients can't be asked for theirs (`receipt`). Otherwise like `RoomUnicastService.batchSend()`,
   * errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164063
   */
  send(request: RoomBroadcastRequest, options?: Omit<SendOptions, 'receipt'>): Promise<BroadcastReceipt> {
    return callers.of(this).call('SendBroadcast', request, options);
  }
}
