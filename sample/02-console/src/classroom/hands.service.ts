import { Injectable } from '@nestjs/common';
import {
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  type RtcClientMessage,
} from 'nestjs-rtc-messaging/callbacks';
import { type Observable, Subject } from 'rxjs';

/** What happened in a classroom, as the service and the clients told this app. */
export type ClassroomNews = { readonly roomId: string; readonly userId: string; readonly at: string } & (
  | { readonly what: 'joined' }
  | { readonly what: 'left'; readonly reason: string }
  /** `place`: in the line of raised hands, from 1. */
  | { readonly what: 'hand_raised'; readonly place: number }
);

/** What a client sends to raise a hand. */
export const RAISE_HAND = JSON.stringify({ type: 'hand.raise' });

/** Who is waiting to speak in which classroom. An event may come twice, and changes nothing the second time. */
@Injectable()
export class HandsService {
  /** By room, in the order in which the hands were raised. */
  readonly #hands = new Map<string, Set<string>>();
  readonly #news = new Subject<ClassroomNews>();

  /** What happens, as it happens. */
  get news(): Observable<ClassroomNews> {
    return this.#news;
  }

  @OnRtcEvent('UserJoinRoom')
  onJoin({ data, time }: RtcCallbackEvent<'UserJoinRoom'>): void {
    this.#news.next({ what: 'joined', roomId: data.RoomId, userId: data.UserId, at: time.toISOString() });
  }

  @OnRtcEvent('UserLeaveRoom')
  onLeave({ data, time }: RtcCallbackEvent<'UserLeaveRoom'>): void {
    const { RoomId: roomId, UserId: userId, Reason: reason = '' } = data;
    const hands = this.#hands.get(roomId);
    hands?.delete(userId);
    if (hands?.size === 0) this.#hands.delete(roomId);
    this.#news.next({ what: 'left', roomId, userId, reason, at: time.toISOString() });
  }

  /**
   * The user is who the signature was issued to, and so is the room: that they are in it now, it does not prove.
   * @returns the answer that the client gets
   */
  @OnClientMessage()
  onMessage({ userId, issuedForRoom: roomId, message }: RtcClientMessage): string {
    if (roomId === undefined || message !== RAISE_HAND) return JSON.stringify({ type: 'not_understood' });
    const hands = this.#hands.get(roomId) ?? new Set();
    this.#hands.set(roomId, hands.add(userId));
    const place = [...hands].indexOf(userId) + 1;
    this.#news.next({ what: 'hand_raised', roomId, userId, place, at: new Date().toISOString() });
    return JSON.stringify({ type: 'hand.seen', place });
  }
}
