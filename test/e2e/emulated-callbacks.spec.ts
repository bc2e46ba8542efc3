import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Injectable,
  type INestApplication,
  type NestInterceptor,
  ValidationPipe,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { RtcMessagingModule, UserUnicastService } from 'nestjs-rtc-messaging';
import {
  ClientSignatureService,
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  RtcCallbackModule,
  type RtcClientMessage,
} from 'nestjs-rtc-messaging/callbacks';
import { type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { map } from 'rxjs';
import { PLATFORMS } from '../support/platforms.js';
import { startApp } from '../support/test-app.js';

const SECRET = 'secret-of-the-callback';

/** What the app was told, and what it does about it. */
@Injectable()
class Classroom {
  readonly told: string[] = [];
  /** How often a handler fails before it succeeds. */
  failures = 0;

  constructor(private readonly users: UserUnicastService) {}

  @OnRtcEvent('*')
  onAny({ type, data }: RtcCallbackEvent): void {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('not now');
    }
    const { UserId = '', Reason = '' } = data as { UserId?: string; Reason?: string };
    this.told.push([type, UserId, Reason].filter((word) => word !== '').join(' '));
  }

  @OnClientMessage()
  async onMessage({ userId, issuedForRoom, message }: RtcClientMessage): Promise<string | Uint8Array> {
    this.told.push(`message of ${userId} ${issuedForRoom}`);
    if (typeof message !== 'string') return message.map((byte) => 255 - byte);
    if (message === 'fail') throw new Error('a secret reason');
    await this.users.send({ to: userId, message: `seen: ${message}` });
    return `seen: ${message}`;
  }
}

/** No caller but the app's own may pass. */
@Injectable()
class NoOne implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Injectable()
class Wrapping implements NestInterceptor {
  intercept(_context: unknown, next: Parameters<NestInterceptor['intercept']>[1]) {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

describe.each(PLATFORMS)('an app on $name that the emulator calls back', (platform) => {
  let emulator: RtcEmulator;
  let app: INestApplication;
  let url: string;
  let classroom: Classroom;

  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    const { appId } = emulator.moduleOptions();
    const metadata = {
      imports: [
        RtcMessagingModule.forRoot(emulator.moduleOptions()),
        RtcCallbackModule.forRoot({
          appId,
          events: { path: '/rtc/events', secrets: ['a-new-one', SECRET] },
          clientMessages: { path: '/rtc/messages', secrets: ['secret-for-messages-of-clients'] },
        }),
      ],
      providers: [
        Classroom,
        { provide: APP_GUARD, useClass: NoOne },
        { provide: APP_INTERCEPTOR, useClass: Wrapping },
      ],
    };
    ({ app } = await startApp(platform, metadata, (made) => {
      made.setGlobalPrefix('api');
      made.enableVersioning();
      made.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
    }));
    url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    classroom = app.get(Classroom);
    emulator.callbacks.register({ url: `${url}/rtc/events`, secret: SECRET });
  });
  afterEach(async () => {
    await app.close();
    await emulator.close();
  });

  const outcomes = () => emulator.callbacks.sent.map(({ outcome, attempts }) => [outcome, attempts.length]);
  const issueTo = (participant: Participant, roomId?: string): void => {
    const signature = app
      .get(ClientSignatureService)
      .issue({ userId: participant.userId, roomId, expiresInSeconds: 60 });
    participant.setServerParams(signature, `${url}/rtc/messages`);
  };

  it('is told once of each join and leave', async () => {
    const alice = emulator.room('room-1').join('alice');
    emulator.room('room-1').join('ghost', { invisible: true }).leave();
    alice.leave('connectionLost');
    await emulator.callbacks.idle();
    expect([...classroom.told].sort()).toEqual([
      'InvisibleUserJoinRoom ghost',
      'InvisibleUserLeaveRoom ghost userLeave',
      'RoomCreate',
      'RoomDestroy',
      'UserJoinRoom alice',
      'UserLeaveRoom alice connectionLost',
    ]);
    expect(outcomes()).toEqual(Array.from({ length: 6 }, () => ['delivered', 1]));
  });

  it('is told once of what comes twice, with swapped fields, late, or again since the answer was lost or a handler failed', async () => {
    const match = { action: 'UserJoinRoom' as const };
    emulator.faults.add({ kind: 'callback_twice', match });
    emulator.faults.add({ kind: 'callback_swapped_copy', match });
    emulator.faults.add({ kind: 'callback_answer_lost', match });
    emulator.faults.add({ kind: 'callback_late', delayMs: 50, match });
    const room = emulator.room('room-1');
    for (const user of ['twice', 'swapped', 'answer-lost', 'late']) room.join(user);
    await emulator.callbacks.idle();
    classroom.failures = 2;
    room.join('failed');
    await emulator.callbacks.idle();
    expect([...classroom.told].sort()).toEqual([
      'RoomCreate',
      'UserJoinRoom answer-lost',
      'UserJoinRoom failed',
      'UserJoinRoom late',
      'UserJoinRoom swapped',
      'UserJoinRoom twice',
    ]);
    expect(outcomes().every(([outcome]) => outcome === 'delivered')).toBe(true);
    expect(outcomes().at(-1)).toEqual(['delivered', 3]);
  });

  it('refuses an event that is signed wrongly, or too old', async () => {
    emulator.faults.add({ kind: 'callback_wrong_signature' });
    emulator.room('room-1').join('alice');
    await emulator.callbacks.idle();
    emulator.clock.offsetMs = -16 * 60_000;
    emulator.room('room-1').join('bob');
    await emulator.callbacks.idle();
    expect(classroom.told).toEqual(['UserJoinRoom alice']);
    const statuses = emulator.callbacks.sent
      .filter(({ outcome }) => outcome === 'failed')
      .flatMap(({ attempts }) => attempts.map(({ httpStatus }) => httpStatus));
    expect(statuses).toHaveLength(6);
    expect(statuses.every((status) => status !== undefined && status >= 400 && status < 500)).toBe(true);
  });

  it("answers a client's message, and sends to the client who wrote", async () => {
    const alice = emulator.login('alice');
    issueTo(alice, 'room-1');
    expect(await alice.sendServerMessage('举手')).toEqual({
      msgid: 1,
      error: 'Success',
      message: 'seen: 举手',
    });
    expect(alice.received).toMatchObject([{ from: 'server', message: 'seen: 举手' }]);
    expect(await alice.sendServerBinaryMessage(new Uint8Array([0, 1, 254]))).toEqual({
      msgid: 2,
      error: 'Success',
      message: new Uint8Array([255, 254, 1]),
    });
    expect(await alice.sendServerMessage('x'.repeat(65_536 - 6))).toMatchObject({
      error: 'Success',
      message: `seen: ${'x'.repeat(65_536 - 6)}`,
    });
    expect(classroom.told).toEqual(Array.from({ length: 3 }, () => 'message of alice room-1'));
  });

  it('gives no answer to a forged signature, nor its reasons to anyone', async () => {
    const alice = emulator.room('room-1').join('alice');
    issueTo(alice);
    emulator.faults.add({ kind: 'callback_wrong_signature', match: { action: 'sendServerMessage' } });
    expect(await alice.sendServerMessage('hello')).toMatchObject({ error: 'E2BSReturnFailed' });
    expect(await alice.sendServerMessage('fail')).toMatchObject({ error: 'E2BSReturnFailed' });
    await emulator.callbacks.idle();
    const messages = emulator.callbacks.sent.filter(({ action }) => action === 'sendServerMessage');
    expect(messages.map(({ attempts }) => attempts[0]?.httpStatus)).toEqual([401, 500]);
    expect(JSON.stringify(messages)).not.toContain('a secret reason');
  });
});
