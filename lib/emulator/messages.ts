import { isId } from '../dto/field-rules.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { EmulatorState, RecordedRequest } from './emulator-state.js';
import { ApiError } from './http-error.js';
import type { BinaryCallback, Participant, ReceivedMessage, TextCallback } from './participant.js';
import type { Presence } from './presence.js';
import type { QuotaWindows } from './quota-window.js';
import { type EmulatedMessage, readMessage } from './read-message.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

/** What is decided on a request: what became of what was sent, and what is answered. */
export interface Decision {
  readonly outcome: RecordedRequest['outcome'];
  readonly error?: ApiError | undefined;
  /** Without an error. */
  readonly result?: unknown;
  /** How many recipients of an accepted message were not there. */
  readonly absent?: number;
}

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

const SUCCESS = { Message: 'Success' };
/** From so many users on, a room is a large one. */
const LARGE_ROOM = 500;
const MAX_NAMED = 3;

/** The messaging actions: they have one quota, and deliver to who is there. */
export class Messages {
  #last = 0;

  constructor(
    private readonly state: EmulatorState,
    private readonly windows: QuotaWindows,
  ) {}

  /** @throws ApiError beyond the quota, or when something is wrong with the message */
  send(action: RtcActionName, request: ReceivedRequest, account: EmulatorAccount, at: Date): Decision {
    const outcome = this.#spend(request, account) ? 'accepted' : 'dropped';
    const message = readMessage(action, request, account, this.state.accounts());
    if (outcome === 'dropped') return { outcome, result: SUCCESS };
    const { isWell, absent } = this.#deliver(action, message, at);
    if (!isWell) return { outcome, absent, error: new ApiError('InternalError', 'A listener threw.') };
    return { outcome, absent, result: SUCCESS };
  }

  /** @returns false if it is lost without a word. @throws ApiError beyond the quota, of which nothing is spent then */
  #spend(
    { target: { roomId, to } }: ReceivedRequest,
    { credentials: { accessKeyId } }: EmulatorAccount,
  ): boolean {
    const { quota, overRoomLimit, roomMessagesPerSecond, largeRoomMessagesPerSecond } = this.state.options();
    const cost = quota.costPer === 'recipient' ? Math.max(1, to.length) : 1;
    const ofAccount = this.windows.of(quota.requestsPerSecond, 'account', accessKeyId);
    if (!ofAccount.hasRoom(cost)) throw tooMany(`${quota.requestsPerSecond} ${quota.costPer}s`);
    if (isId(roomId) && roomMessagesPerSecond < Number.POSITIVE_INFINITY) {
      const isLarge = this.state.room(roomId).participants.length >= LARGE_ROOM;
      const perSecond = isLarge ? largeRoomMessagesPerSecond : roomMessagesPerSecond;
      const ofRoom = this.windows.of(roomMessagesPerSecond, 'room', accessKeyId, roomId);
      if (!ofRoom.admit(cost, perSecond)) {
        if (overRoomLimit === 'drop') return false;
        throw tooMany('messages into the room');
      }
    }
    return ofAccount.admit(cost);
  }

  /** @returns whether none of a test's own listeners threw, and how many recipients were not there */
  #deliver(action: RtcActionName, sent: EmulatedMessage, at: Date): { isWell: boolean; absent: number } {
    const { from, message, roomId } = sent;
    const presence = this.state.presenceOf(roomId);
    const present = sent.to?.flatMap((userId) => presence.participant(userId) ?? []) ?? presence.participants;
    const absent = (sent.to?.length ?? present.length) - present.length;
    const { text, binary } = CALLBACKS[action];
    const rest = { from, at, msgid: ++this.#last };
    const received: ReceivedMessage =
      typeof message === 'string' ? { event: text, message, ...rest } : { event: binary, message, ...rest };
    const reachable = present.filter((participant) => !participant.loses(received));
    this.state.accepted.add(sent, sent.to ?? present.map(userIdOf));
    if (absent > 0 || present.length === 0) {
      this.state.warnings.warn(`absence: ${roomId}`, () => absenceWarning(sent, presence));
    }
    const reached: Participant[] = [];
    let isWell = true;
    for (const participant of reachable) {
      // A listener of another may have made this one leave.
      if (presence.participant(participant.userId) !== participant) continue;
      reached.push(participant);
      isWell = participant.receive(received) && isWell;
    }
    if (reached.length > 0) {
      this.state.deliveries.add(sent, reached.map(userIdOf));
      this.state.attendance.addReceived(received, reached);
    }
    return { isWell, absent };
  }
}

function userIdOf({ userId }: Participant): string {
  return userId;
}

function tooMany(what: string): ApiError {
  return new ApiError('FlowLimitExceeded.QPSOverLimit', `More than ${what} in a second.`);
}

/** The sender can't see that users are not there. */
function absenceWarning({ roomId, to }: EmulatedMessage, presence: Presence): string {
  const absent = to?.filter((userId) => presence.participant(userId) === undefined) ?? ['no one'];
  const more = absent.length > MAX_NAMED ? ` and ${absent.length - MAX_NAMED} more` : '';
  const are = absent.length > 1 ? 'are not' : to === undefined ? 'is' : 'is not';
  const where = roomId === undefined ? 'logged in' : `in room ${roomId}`;
  return (
    `A message was accepted, but ${absent.slice(0, MAX_NAMED).join(', ')}${more} ${are} ${where}, ` +
    'and nothing is delivered later. This is said once for each room.'
  );
}
