import { Inject, Injectable } from '@nestjs/common';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import {
  BatchSendRoomUnicastDto,
  type BatchSendRoomUnicastRequest,
} from '../dto/batch-send-room-unicast.dto.js';
import { validateRequest } from '../dto/validate-request.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { Sender } from '../retry/sender.js';
import { callLimits } from './call-limits.js';
import { checkSendOptions } from './check-send-options.js';
import type { SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';
import { toWireMessage } from './wire-message.js';

/** Sends messages to users in a room. */
@Injectable()
export class RoomUnicastService {
  // Private to the language, so that printing the service does not print its sockets' requests.
  readonly #settings: RtcMessagingSettings;
  readonly #sender: Sender;

  constructor(@Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings, sender: Sender) {
    this.#settings = settings;
    this.#sender = sender;
  }

  /**
   * Sends one message to up to 600 users in a room, with one request (`BatchSendRoomUnicast`). What proves that
   * the message was not accepted is retried; what proves nothing is retried only with `onUnknown: 'resend'`.
   *
   * @returns when the service has accepted the message; whatever else happens is thrown
   * @throws RtcValidationError when the request breaks a rule; nothing was sent
   * @throws RtcApiError when the service refused (`rejected`), or its answer proves nothing (`unknown`)
   * @throws RtcNetworkError when the connection failed, before (`not_attempted`) or after bytes left (`unknown`)
   * @throws RtcTimeoutError when `timeoutMs` or `deadlineMs` passed
   * @throws RtcAbortedError when `signal` was aborted
   * @throws RtcConfigError when the credentials provider failed
   * @see https://www.volcengine.com/docs/6348/1164064
   */
  async batchSend(request: BatchSendRoomUnicastRequest, options: SendOptions = {}): Promise<SendReceipt> {
    const { roomId, to, message, from, binary } = validateRequest(BatchSendRoomUnicastDto, request);
    const { signal, ...overrides } = checkSendOptions(options);
    const recipients = [...new Set(to)];
    const accepted = await this.#sender.send(
      'BatchSendRoomUnicast',
      {
        AppId: this.#settings.appId,
        RoomId: roomId,
        From: from ?? this.#defaultFrom(),
        To: recipients,
        ...toWireMessage(message, binary),
      },
      callLimits(this.#settings, overrides),
      { signal },
    );
    return {
      outcome: 'accepted',
      action: 'BatchSendRoomUnicast',
      recipients: recipients.length,
      ...accepted,
    };
  }

  #defaultFrom(): string {
    if (this.#settings.from !== undefined) return this.#settings.from;
    throw new RtcValidationError([
      { path: 'from', message: "is missing; name it in the request or set the module's from (RTC_FROM)" },
    ]);
  }
}
