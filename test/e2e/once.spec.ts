import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  type ChunkOutcome,
  RoomBroadcastService,
  RoomUnicastService,
  RtcMessagingModule,
  RtcValidationError,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import { type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { createReceiver, type ReceivedMessage } from 'nestjs-rtc-messaging/receiver';
import { rejectionOf } from '../support/rejection.js';

const PREFIX = /^\[rtc1o:[\w-]{32}\]/;
const CALLBACKS = [
  'onUserMessageReceived',
  'onUserBinaryMessageReceived',
  'onRoomMessageReceived',
  'onRoomBinaryMessageReceived',
  'onUserMessageReceivedOutsideRoom',
  'onUserBinaryMessageReceivedOutsideRoom',
] as const;

/** What an app with the receiver is given of what a participant receives. */
function withReceiver(participant: Participant): ReceivedMessage[] {
  const shown: ReceivedMessage[] = [];
  const { receive } = createReceiver({
    from: ['server', 'robot'],
    confirm: () => undefined,
    onMessage: (message) => void shown.push(message),
  });
  for (const callback of CALLBACKS) participant.on(callback, receive);
  return shown;
}

describe('a message with `once`', () => {
  let emulator: RtcEmulator;
  let module: TestingModule;
  let rooms: RoomUnicastService;
  let broadcasts: RoomBroadcastService;
  let users: UserUnicastService;
  let alice: Participant;
  let shown: ReceivedMessage[];

  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), timeoutMs: 500 })],
    }).compile();
    module.useLogger(false);
    rooms = module.get(RoomUnicastService);
    broadcasts = module.get(RoomBroadcastService);
    users = module.get(UserUnicastService);
    alice = emulator.room('room-1').join('alice');
    shown = withReceiver(alice);
  });
  afterEach(async () => {
    await module.close();
    await emulator.close();
  });

  it('arrives as it is with every action, and its receipt has the ID that the app is given', async () => {
    const outside = withReceiver(emulator.login('alice'));
    const to = 'alice';
    const receipts = [
      await rooms.batchSend({ roomId: 'room-1', to: [to, 'bob'], message: 'batch' }, { once: true }),
      await rooms.send({ roomId: 'room-1', to, message: Uint8Array.of(1, 2, 3) }, { once: true }),
      await rooms.send({ roomId: 'room-1', to, message: 'AQID', binary: true }, { once: true }),
      await broadcasts.send({ roomId: 'room-1', message: '广播' }, { once: true }),
      await rooms.fanOut({ roomId: 'room-1', to: [to], message: 'fan-out', from: 'robot' }, { once: true }),
      await users.send({ to, message: 'outside' }, { once: true }),
    ];
    const received = [...shown, ...outside];
    expect(received.map(({ from, message }) => [from, message])).toEqual([
      ['server', 'batch'],
      ['server', Buffer.of(1, 2, 3)],
      ['server', Buffer.of(1, 2, 3)],
      ['server', '广播'],
      ['robot', 'fan-out'],
      ['server', 'outside'],
    ]);
    const ids = receipts.map(({ messageId }) => messageId);
    expect(received.map(({ messageId }) => messageId)).toEqual(ids);
    expect(new Set(ids).size).toBe(6);
  });

  it('shows its prefix to clients without the receiver, who see all else as it is', async () => {
    const bob = emulator.room('room-1').join('bob');
    const to = ['alice', 'bob'];
    await rooms.batchSend({ roomId: 'room-1', to, message: 'hello' }, { once: true });
    const plain = await rooms.batchSend({ roomId: 'room-1', to, message: 'plain' });
    expect(plain).not.toHaveProperty('messageId');
    expect(shown.map(({ message }) => message)).toEqual(['hello', 'plain']);
    expect(shown[1]).toEqual({ from: 'server', message: 'plain' });
    const [framed, other] = bob.received.map(({ message }) => message);
    expect(framed).toMatch(PREFIX);
    expect(String(framed).slice(40)).toBe('hello');
    expect(other).toBe('plain');
  });

  it('that is sent again after an unknown outcome is shown once', async () => {
    emulator.faults.add({ kind: 'reset', accept: true, times: 2 });
    const receipt = await rooms.batchSend(
      { roomId: 'room-1', to: ['alice'], message: 'hello' },
      { once: true, onUnknown: 'resend' },
    );
    expect(receipt.possibleDuplicate).toBe(true);
    expect(alice.received.length).toBe(3);
    expect(shown).toEqual([{ from: 'server', message: 'hello', messageId: receipt.messageId }]);
  });

  it('may have its whole size less the 40 bytes of the prefix', async () => {
    const to = 'alice';
    const roomId = 'room-1';
    const tries = [
      [20_480, (message: string) => rooms.batchSend({ roomId, to: [to], message }, { once: true })],
      [20_480, (message: string) => rooms.fanOut({ roomId, to: [to], message }, { once: true })],
      [65_536, (message: string) => rooms.send({ roomId, to, message }, { once: true })],
      [65_536, (message: string) => broadcasts.send({ roomId, message }, { once: true })],
      [65_536, (message: string) => users.send({ to, message }, { once: true })],
    ] as const;
    for (const [most, send] of tries) {
      const text = '🎓'.repeat((most - 40) / 4);
      await send(text);
      const error = await rejectionOf<RtcValidationError>(send(`${text}x`));
      expect(error.issues).toEqual([
        { path: 'message', message: expect.stringMatching(/the 40 of the prefix for receivers included$/) },
      ]);
    }
    expect(shown.map(({ message }) => (message as string).length)).toEqual([10_220, 10_220, 32_748, 32_748]);
    const report = await rooms.sendEach([{ roomId, to, message: 'x'.repeat(65_497) }], { once: true });
    expect(report.counts).toMatchObject({ invalid: 1, accepted: 0 });
  });

  it('has one ID in all chunks of a fan-out, and one of its own each in `sendEach`', async () => {
    const bob = withReceiver(emulator.room('room-1').join('bob'));
    const chunks: ChunkOutcome[] = [];
    const options = { once: true, chunkSize: 1, onChunk: (chunk: ChunkOutcome) => void chunks.push(chunk) };
    const report = await rooms.fanOut({ roomId: 'room-1', to: ['alice', 'bob'], message: 'all' }, options);
    const { chunkSize: _, ...each } = options;
    const others = await rooms.sendEach(
      ['alice', 'bob'].map((to) => ({ roomId: 'room-1', to, message: `for ${to}` })),
      { ...each, concurrency: 1 },
    );
    expect(others).not.toHaveProperty('messageId');
    expect(chunks.map(({ messageId }) => messageId)).toEqual([
      report.messageId,
      report.messageId,
      shown[1]?.messageId,
      bob[1]?.messageId,
    ]);
    expect([shown[0]?.messageId, bob[0]?.messageId]).toEqual([report.messageId, report.messageId]);
    expect(shown[1]?.messageId).not.toBe(bob[1]?.messageId);
  });

  it('has its ID in the error, where nobody knows whether it was accepted', async () => {
    emulator.faults.add({ kind: 'reset', accept: true });
    const request = { roomId: 'room-1', to: ['alice'], message: 'hello' };
    const error = await rooms.batchSend(request, { once: true }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ outcome: 'unknown', messageId: shown[0]?.messageId });
    expect(shown).toHaveLength(1);
  });
});

describe('a message with `receipt`', () => {
  it('is refused where nothing waits for receipts, and for broadcasts', async () => {
    const emulator = await RtcEmulator.start();
    const module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot(emulator.moduleOptions())],
    }).compile();
    const rooms = module.get(RoomUnicastService);
    const request = { roomId: 'room-1', to: 'alice', message: 'hello' };
    const receipt = { receipt: true };
    const refused = [
      rooms.send(request, receipt),
      rooms.batchSend({ ...request, to: ['alice'] }, receipt),
      rooms.fanOut({ ...request, to: ['alice'] }, receipt),
      rooms.sendEach([request], receipt),
      module.get(UserUnicastService).send({ to: 'alice', message: 'hello' }, receipt),
    ];
    for (const sending of refused) {
      const { issues } = await rejectionOf<RtcValidationError>(sending);
      expect(issues).toEqual([
        {
          path: 'options.receipt',
          message: 'needs receipts among the options of an RtcCallbackModule, which has the same name',
        },
      ]);
    }
    const broadcast = module
      .get(RoomBroadcastService)
      .send({ roomId: 'room-1', message: 'hello' }, receipt as never);
    expect((await rejectionOf<RtcValidationError>(broadcast)).issues[0]?.message).toMatch(
      /^is not for broadcasts/,
    );
    expect(emulator.requests).toHaveLength(0);
    await module.close();
    await emulator.close();
  });
});
