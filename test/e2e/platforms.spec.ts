import { afterEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, type DynamicModule, type ExecutionContext, Injectable } from '@nestjs/common';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { type EmulatorModuleOptions, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { startApp, type TestApp } from '../support/test-app.js';

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-api-key'] === 'sesame';
  }
}

const REGISTRATIONS: readonly [string, (options: EmulatorModuleOptions) => DynamicModule][] = [
  ['forRoot', (options) => RtcMessagingModule.forRoot({ ...options, controller: { guards: [KeyGuard] } })],
  [
    'forRootAsync',
    (options) =>
      RtcMessagingModule.forRootAsync({
        useFactory: async () => options,
        controller: { guards: [KeyGuard] },
      }),
  ],
];

const cases = PLATFORMS.flatMap((platform) =>
  REGISTRATIONS.map(([name, register]) => ({ platform, platformName: platform.name, name, register })),
);

describe.each(cases)('an app on $platformName with $name', ({ platform, register }) => {
  let emulator: RtcEmulator;
  let running: TestApp;
  const key = { 'x-api-key': 'sesame' };

  const start = async (): Promise<void> => {
    emulator = await RtcEmulator.start();
    running = await startApp(
      platform,
      { imports: [register(emulator.moduleOptions())] },
      platform.raiseBodyLimit,
    );
  };
  afterEach(async () => {
    await running.app.close();
    await emulator.close();
  });

  it('sends text and binary from the injected service', async () => {
    await start();
    const alice = emulator.room('room-1').join('alice');
    const service = running.app.get(RoomUnicastService);
    const text = await service.batchSend({
      roomId: 'room-1',
      to: ['alice', 'bob', 'alice'],
      message: 'héllo',
    });
    await service.batchSend({
      roomId: 'room-1',
      to: ['alice'],
      message: new Uint8Array([0, 255, 1]),
      from: 'bot',
    });

    expect(text).toEqual({
      outcome: 'accepted',
      action: 'BatchSendRoomUnicast',
      requestId: emulator.requests[0]!.requestId,
      recipients: 2,
      attempts: [
        {
          outcome: 'accepted',
          phase: 'done',
          startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
          durationMs: expect.any(Number),
          httpStatus: 200,
          requestId: text.requestId,
        },
      ],
      possibleDuplicate: false,
    });
    expect(alice.received).toEqual([
      {
        event: 'onUserMessageReceived',
        from: 'server',
        message: 'héllo',
        at: expect.any(Date),
        msgid: expect.any(Number),
      },
      {
        event: 'onUserBinaryMessageReceived',
        from: 'bot',
        message: new Uint8Array([0, 255, 1]),
        at: expect.any(Date),
        msgid: expect.any(Number),
      },
    ]);
  });

  it('sends through the controller, to those whom its guard lets pass', async () => {
    await start();
    const alice = emulator.room('room-1').join('alice');
    const message = { to: ['alice'], message: 'hello' };
    const refused = await running.post('/rtc/rooms/room-1/unicast', message);
    const accepted = await running.post('/rtc/rooms/room-1/unicast', message, key);
    expect(refused.status).toBe(403);
    expect(accepted.status).toBe(200);
    expect(accepted.body).toMatchObject({ outcome: 'accepted', recipients: 1 });
    expect(alice.received).toMatchObject([{ message: 'hello' }]);
  });

  it('takes the largest legal message over HTTP', async () => {
    await start();
    const to = Array.from({ length: 600 }, (_, index) => String(index).padStart(128, 'u'));
    const last = emulator.room('r'.repeat(128)).join(to[599]!);
    const bytes = Buffer.alloc(20_480, 7);
    const body = { to, message: bytes.toString('base64'), binary: true };
    expect(JSON.stringify(body).length).toBeGreaterThan(102_400);

    const answer = await running.post(`/rtc/rooms/${'r'.repeat(128)}/unicast`, body, key);
    expect(answer.body).toMatchObject({ outcome: 'accepted', recipients: 600 });
    expect(Buffer.compare(Buffer.from(last.received[0]!.message), bytes)).toBe(0);
  });

  it('answers 400 and names each field for a message that breaks rules', async () => {
    await start();
    const { status, body } = await running.post(
      '/rtc/rooms/room%201/unicast',
      { to: ['ok', 'a b'], message: '', colour: 'red' },
      key,
    );
    expect(status).toBe(400);
    expect(body).toMatchObject({
      statusCode: 400,
      error: 'Bad Request',
      code: 'RTC_VALIDATION',
      outcome: 'not_attempted',
      issues: [
        { path: 'colour', message: expect.stringContaining('is not a known property') },
        { path: 'roomId', message: expect.stringContaining('"room 1" contains a space') },
        { path: 'to[1]', message: expect.stringContaining('"a b" contains a space') },
        { path: 'message', message: 'is empty' },
      ],
    });
    expect(emulator.requests).toEqual([]);
  });

  it('answers a body that is too large with 413', async () => {
    await start();
    const answer = await running.post(
      '/rtc/rooms/room-1/unicast',
      { to: ['a'], message: 'x'.repeat(2_000_000) },
      key,
    );
    expect(answer.status).toBe(413);
    expect(answer.body).toMatchObject({ statusCode: 413, message: expect.stringMatching(/too large/i) });
  });
});
