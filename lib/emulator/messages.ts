import { isId } from '../dto/field-rules.js';
import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import type { EmulatorState } from './emulator-state.js';
import { ApiError } from './http-error.js';
import { type BinaryCallback, type ReceivedMessage, type TextCallback, userIdOf } from './participant.js';
import type { Presence } from './presence.js';
import { type EmulatedMessage, readMessage } from './read-message.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

const IN_ROOM = { text: 'onUserMessageReceived', binary: 'onUserBinaryMessageReceived' } as const;
/** Under which callbacks of the client SDK each action's messages arrive. */
const CALLBACKS: Readonly<Record<RtcActionName, { text: TextCallback; binary: BinaryCallback }>> = {
  BatchSendRoomUnicast: IN_ROOM,
  SendRoomUnicast: IN_ROOM,
  SendBroadcast: { text: 'onRoomMessageReceived', binary: 'onRoomBinaryMessageReceived' },
  SendUnicast: {
    text: 'onUserMessageReceivedOutsideRoom',
    binary: 'onUserBinaryMessageReceivedOutsideRoom',
  },
};

/** From so many users on, a room is a large one. */
const LARGE_ROOM = 500;
/** So many warnings tell an operator enough. */
const MAX_WARNINGS = 20;
const MAX_NAMED = 3;

/** The messaging actions: they have one quota, and deliver to who is there. */
export class Messages {
  #last = 0;
  /** In which rooms users were missing. */
  readonly #warnedOf = new Set<string | undefined>();

  constructor(private readonly state: EmulatorState) {}

  /**
   * @returns false if the message is lost without a word
   * @throws ApiError beyond the quota, or when something is wrong with the message
   */
  send(action: RtcActionName, request: ReceivedRequest, account: EmulatorAccount, at: Date): boolean {
    const isAdmitted = this.#spend(action, request, account);
    const message = readMessage(action, request, account, this.state.options().accounts);
    if (isAdmitted) this.#deliver(action, message, at);
    return isAdmitted;
  }

  /** @returns false if it is lost without a word. @throws ApiError beyond the quota, of which nothing is spent then */
  #spend(
    action: RtcActionName,
    { target: { roomId, to } }: ReceivedRequest,
    { credentials: { accessKeyId } }: EmulatorAccount,
  ): boolean {
    const { quota, overRoomLimit, roomMessagesPerSecond, largeRoomMessagesPerSecond } = this.state.options();
    const { requestsPerSecond, costPer } = quota;
    // Fields that the action does not take are ignored.
    const { inRoom, to: takes }: RtcActionRules = RTC_ACTIONS[action];
    const cost = costPer === 'recipient' && takes !== 'none' ? Math.max(1, to.length) : 1;
    const ofAccount = this.state.windows.of('account', accessKeyId);
    if (!ofAccount.hasRoom(requestsPerSecond, cost)) throw tooMany(`${requestsPerSecond} ${costPer}s`);
    let isLost = false;
    if (inRoom && isId(roomId) && roomMessagesPerSecond < Number.POSITIVE_INFINITY) {
      const isLarge = this.state.room(roomId).participants.length >= LARGE_ROOM;
      const limit = isLarge ? largeRoomMessagesPerSecond : roomMessagesPerSecond;
      isLost = !this.state.windows.of('room', accessKeyId, roomId).admit(limit, cost);
      if (isLost && overRoomLimit === 'refuse') throw tooMany('messages into the room');
    }
    // The room's may just have had it forgotten, where it was empty.
    this.state.windows.of('account', accessKeyId).admit(requestsPerSecond, cost);
    return !isLost;
  }

  #deliver(action: RtcActionName, sent: EmulatedMessage, at: Date): void {
    const { from, message, roomId, to } = sent;
    const presence = this.state.presenceOf(roomId);
    const present = to === undefined ? presence.participants : presence.among(to);
    this.state.accepted.add(sent, to ?? present.map(userIdOf));
    if (present.length === 0 || present.length < (to?.length ?? 0)) this.#warnOfAbsent(sent, presence);
    const { text, binary } = CALLBACKS[action];
    const msgid = ++this.#last;
    // In the order in which clients print them.
    const received: ReceivedMessage =
      typeof message === 'string'
        ? { event: text, msgid, from, message, at }
        : { event: binary, msgid, from, message, at };
    const reached = this.state.attendance.deliver(received, present);
    if (reached.length > 0) this.state.deliveries.add(sent, reached.map(userIdOf));
  }

  /** The sender can't see that users are not there. It is said once for each room. */
  #warnOfAbsent({ roomId, to }: EmulatedMessage, presence: Presence): void {
    if (this.#warnedOf.size >= MAX_WARNINGS || this.#warnedOf.has(roomId)) return;
    this.#warnedOf.add(roomId);
    const absent = to?.filter((userId) => presence.participant(userId) === undefined) ?? ['no one'];
    const more = absent.length > MAX_NAMED ? ` and ${absent.length - MAX_NAMED} more` : '';
    const are = absent.length > 1 ? 'are not' : to === undefined ? 'is' : 'is not';
    const where = roomId === undefined ? 'logged in' : `in room ${roomId}`;
    process.emitWarning(
      `A message was accepted, but ${absent.slice(0, MAX_NAMED).join(', ')}${more} ${are} ${where}, ` +
        'and nothing is delivered later. This is said once for each room' +
        (this.#warnedOf.size < MAX_WARNINGS ? '.' : ', and not of any more rooms.'),
      'RtcEmulatorWarning',
    );
  }
}

function tooMany(what: string): ApiError {
  return new ApiError('FlowLimitExceeded.QPSOverLimit', `More than ${what} in a second.`);
}
