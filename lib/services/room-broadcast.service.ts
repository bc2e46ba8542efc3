import { Injectable } from '@nestjs/common';
import type { RoomBroadcastRequest } from '../dto/requests.dto.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { ActionCaller } from './action-caller.js';
import type { SendOptions } from './send-options.js';
import type { BroadcastReceipt } from './send-receipt.js';

const hidden = new HiddenParts<{ readonly caller: ActionCaller }>();

/** Sends messages to everyone in a room. */
@Injectable()
export class RoomBroadcastService {
  constructor(caller: ActionCaller) {
    hidden.set(this, { caller });
  }

  /**
   * Sends one message of up to 64 KB to everyone in a room (`SendBroadcast`). Clients get it in `onRoomMessageReceived`
   * or `onRoomBinaryMessageReceived`. The receipt has no `recipients`, and clients can't be asked for theirs (`receipt`). Otherwise like `RoomUnicastService.batchSend()`,
   * errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164063
   */
  send(request: RoomBroadcastRequest, options?: Omit<SendOptions, 'receipt'>): Promise<BroadcastReceipt> {
    return hidden.of(this).caller.call('SendBroadcast', request, options);
  }
}
