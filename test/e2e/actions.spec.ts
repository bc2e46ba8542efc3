import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  getRoomBroadcastToken,
  getRoomUnicastToken,
  getUserUnicastToken,
  RoomBroadcastService,
  RoomUnicastService,
  type RtcActionName,
  RtcMessagingModule,
  type RtcValidationError,
  type BroadcastReceipt,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import { type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { sendRaw } from '../support/raw-request.js';
import { rejectionOf } from '../support/rejection.js';
import { startApp, type TestApp } from '../support/test-app.js';

const KB = 1_024;

interface Action {
  readonly name: RtcActionName;
  readonly maxBytes: number;
  /** Absent from the receipt of a message that names none. */
  readonly recipients?: number;
  /** What a request names beside the message. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly url: string;
  /** Those of the fields that stand in the body over HTTP. */
  readonly inBody: readonly string[];
  readonly wire: Readonly<Record<string, unknown>>;
  readonly callbacks: readonly [text: string, binary: string];
  /** Someone who receives it, as the client SDK would. */
  receiver(emulator: RtcEmulator): Participant;
  send(app: TestApp['app'], request: never): Promise<BroadcastReceipt>;
}

const inRoom = (emulator: RtcEmulator): Participant => emulator.room('room-1').join('alice');
const unicastCallbacks = ['onUserMessageReceived', 'onUserBinaryMessageReceived'] as const;

const ACTIONS: readonly Action[] = [
  {
    name: 'BatchSendRoomUnicast',
    maxBytes: 20 * KB,
    recipients: 1,
    fields: { roomId: 'room-1', to: ['alice'] },
    url: '/rtc/rooms/room-1/unicast',
    inBody: ['to'],
    wire: { RoomId: 'room-1', To: ['alice'] },
    callbacks: unicastCallbacks,
    receiver: inRoom,
    send: (app, request) => app.get(RoomUnicastService).batchSend(request),
  },
  {
    name: 'SendRoomUnicast',
    maxBytes: 64 * KB,
    recipients: 1,
    fields: { roomId: 'room-1', to: 'alice' },
    url: '/rtc/rooms/room-1/users/alice/unicast',
    inBody: [],
    wire: { RoomId: 'room-1', To: 'alice' },
    callbacks: unicastCallbacks,
    receiver: inRoom,
    send: (app, request) => app.get(RoomUnicastService).send(request),
  },
  {
    name: 'SendBroadcast',
    maxBytes: 64 * KB,
    fields: { roomId: 'room-1' },
    url: '/rtc/rooms/room-1/broadcast',
    inBody: [],
    wire: { RoomId: 'room-1' },
    callbacks: ['onRoomMessageReceived', 'onRoomBinaryMessageReceived'],
    receiver: inRoom,
    send: (app, request) => app.get(RoomBroadcastService).send(request),
  },
  {
    name: 'SendUnicast',
    maxBytes: 64 * KB,
    recipients: 1,
    fields: { to: 'alice' },
    url: '/rtc/users/alice/unicast',
    inBody: [],
    wire: { To: 'alice' },
    callbacks: ['onUserMessageReceivedOutsideRoom', 'onUserBinaryMessageReceivedOutsideRoom'],
    receiver: (emulator) => emulator.login('alice'),
    send: (app, request) => app.get(UserUnicastService).send(request),
  },
];

describe.each(PLATFORMS.flatMap((platform) => ACTIONS.map((action) => ({ platform, action }))))(
  '$action.name on $platform.name',
  ({ platform, action }) => {
    let emulator: RtcEmulator;
    let running: TestApp;
    beforeAll(async () => {
      emulator = await RtcEmulator.start();
      const messaging = RtcMessagingModule.forRoot({
        ...emulator.moduleOptions(),
        controller: { allowAnonymous: true, allowFrom: true, actions: ACTIONS.map(({ name }) => name) },
      });
      running = await startApp(platform, { imports: [messaging] }, platform.raiseBodyLimit);
    });
    beforeEach(() => emulator.clear());
    afterAll(async () => {
      await running.app.close();
      await emulator.close();
    });

    const viaService = (changes: object): Promise<BroadcastReceipt> =>
      action.send(running.app, { message: 'hello', ...action.fields, ...changes } as never);
    const viaController = (changes: object) =>
      running.post(action.url, {
        message: 'hello',
        ...Object.fromEntries(action.inBody.map((name) => [name, action.fields[name]])),
        ...changes,
      });
    const sentBody = (): unknown => JSON.parse(emulator.requests.at(-1)!.body.toString());

    it('sends text and binary, which arrive under the callbacks of the client SDK', async () => {
      const alice = action.receiver(emulator);
      const receipt = await viaService({ message: 'héllo' });
      await viaService({ message: new Uint8Array([0, 255]), from: 'bot' });
      expect(receipt).toMatchObject({
        outcome: 'accepted',
        action: action.name,
        requestId: emulator.requests[0]!.requestId,
        possibleDuplicate: false,
      });
      expect('recipients' in receipt).toBe('recipients' in action);
      if ('recipients' in receipt) expect(receipt.recipients).toBe(action.recipients);
      expect(receipt.attempts).toHaveLength(1);
      const [text, binary] = action.callbacks;
      expect(alice.received).toEqual([
        { event: text, from: 'server', message: 'héllo', at: expect.any(Date), msgid: expect.any(Number) },
        {
          event: binary,
          from: 'bot',
          message: new Uint8Array([0, 255]),
          at: expect.any(Date),
          msgid: expect.any(Number),
        },
      ]);
    });

    it('sends just the fields that the action has', async () => {
      await viaService({});
      expect(sentBody()).toEqual({
        AppId: 'emulator-app',
        ...action.wire,
        From: 'server',
        Binary: false,
        Message: 'hello',
      });
      expect(emulator.requests[0]!.url).toBe(`/?Action=${action.name}&Version=2023-07-20`);
    });

    it('sends through the controller', async () => {
      const alice = action.receiver(emulator);
      const { status, body } = await viaController({ message: 'AAEC', binary: true, from: 'bot' });
      expect([status, body]).toEqual([
        200,
        expect.objectContaining({
          action: action.name,
          ...(action.recipients !== undefined && { recipients: action.recipients }),
        }),
      ]);
      expect(alice.received).toMatchObject([{ from: 'bot', message: new Uint8Array([0, 1, 2]) }]);
    });

    it('takes the largest message, text and binary, through service and controller', async () => {
      const bytes = Buffer.alloc(action.maxBytes, 7);
      const text = 'x'.repeat(action.maxBytes);
      await viaService({ message: bytes });
      await viaService({ message: text });
      expect((await viaController({ message: bytes.toString('base64'), binary: true })).status).toBe(200);
      expect((await viaController({ message: text })).status).toBe(200);
      expect(emulator.requests.map(({ outcome }) => outcome)).toEqual(Array(4).fill('accepted'));
    });

    it('refuses a larger message, and says how large it may be', async () => {
      const message = 'x'.repeat(action.maxBytes + 1);
      const rule = `is ${action.maxBytes + 1} bytes of UTF-8; a message takes at most ${action.maxBytes} (${action.maxBytes / KB} KB)`;
      const error = await rejectionOf<RtcValidationError>(viaService({ message }));
      expect(error.issues).toEqual([{ path: 'message', message: rule }]);
      const { status, body } = await viaController({ message });
      expect([status, body.issues]).toEqual([400, [{ path: 'message', message: rule }]]);
      expect(emulator.requests).toEqual([]);
    });

    it('names every field that breaks a rule', async () => {
      const wrong = { ...action.fields, message: '', from: 'a b', colour: 'red' };
      for (const name of Object.keys(action.fields)) Object.assign(wrong, { [name]: [] });
      const error = await rejectionOf<RtcValidationError>(viaService(wrong));
      const expected = [...Object.keys(action.fields), 'message', 'from', 'colour'];
      expect(error.issues.map(({ path }) => path).sort()).toEqual(expected.sort());
      const { body } = await viaController({ message: '', from: 'a b', colour: 'red' });
      const paths = body.issues.map(({ path }: { path: string }) => path);
      expect(paths.sort()).toEqual(['colour', 'from', 'message']);
    });

    it('refuses an illegal ID in the path', async () => {
      const illegal = action.url.replace('room-1', 'room%201').replace('alice', 'a%20b');
      const body = { message: 'hello', ...(action.inBody.includes('to') && { to: ['alice'] }) };
      const answer = await running.post(illegal, body);
      const expected = Object.keys(action.fields).filter((name) => !action.inBody.includes(name));
      expect(answer.status).toBe(400);
      expect(answer.body.issues.map(({ path }: { path: string }) => path)).toEqual(expected);
    });

    it('refuses in the body what belongs in the path', async () => {
      for (const name of Object.keys(action.fields)) {
        if (action.inBody.includes(name)) continue;
        const { status, body } = await viaController({ [name]: action.fields[name] });
        expect([status, body.issues]).toEqual([
          400,
          [{ path: name, message: 'belongs in the path, not in the body' }],
        ]);
      }
      expect(emulator.requests).toEqual([]);
    });

    it('has its rules enforced by the emulator too', async () => {
      const refusal = async (changes: object): Promise<string | undefined> => {
        const fields = {
          AppId: 'emulator-app',
          From: 'server',
          Binary: false,
          Message: 'hello',
          ...action.wire,
        };
        const query = `Action=${action.name}&Version=2023-07-20`;
        const { body } = await sendRaw(emulator, { query, body: JSON.stringify({ ...fields, ...changes }) });
        return body.ResponseMetadata.Error?.Code as string | undefined;
      };
      expect(await refusal({})).toBeUndefined();
      expect(await refusal({ Message: 'x'.repeat(action.maxBytes) })).toBeUndefined();
      expect(await refusal({ Message: 'x'.repeat(action.maxBytes + 1) })).toBe(
        'InvalidParameter.SizeOverLimit',
      );
      if ('RoomId' in action.wire)
        expect(await refusal({ RoomId: '' })).toBe('InvalidParameter.IllegalRoomID');
      if ('To' in action.wire) {
        const other = Array.isArray(action.wire['To']) ? 'alice' : ['alice'];
        expect(await refusal({ To: other })).toBe('InvalidParameter.Unmarshal');
        expect(await refusal({ To: undefined })).toBe('InvalidParameter.IllegalTo');
      }
    });

    it('is retried and reported like every action', async () => {
      emulator.faults.add({ kind: 'error', code: 'FailToConnect', match: { action: action.name } });
      expect((await viaService({})).attempts).toMatchObject([
        { outcome: 'rejected' },
        { outcome: 'accepted' },
      ]);
      emulator.faults.add({ kind: 'reset', accept: true, match: { action: action.name } });
      const error = await rejectionOf(viaService({}));
      expect(error).toMatchObject({ code: 'RTC_NETWORK', outcome: 'unknown' });
      expect((error as Error).message).toContain(action.name);
    });
  },
);

describe('the receiver', () => {
  let emulator: RtcEmulator;
  let running: TestApp;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    running = await startApp(PLATFORMS[0]!, {
      imports: [RtcMessagingModule.forRoot(emulator.moduleOptions())],
    });
  });
  afterAll(async () => {
    await running.app.close();
    await emulator.close();
  });

  it('of a broadcast is everyone in the room, and no one else', async () => {
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.room('room-1').join('bob')];
    const elsewhere = emulator.room('room-2').join('carol');
    const loggedIn = emulator.login('dave');
    await running.app.get(RoomBroadcastService).send({ roomId: 'room-1', message: 'to all' });
    expect([alice, bob, elsewhere, loggedIn].map(({ received }) => received.length)).toEqual([1, 1, 0, 0]);
    expect(emulator.accepted.count('alice', 'to all')).toBe(1);
    expect(emulator.accepted.duplicates()).toEqual([]);
    await running.app.get(RoomBroadcastService).send({ roomId: 'room-1', message: 'to all' });
    expect(emulator.accepted.duplicates()).toHaveLength(2);
  });

  it('of SendUnicast is a user who is logged in, not one who is only in a room, and no one after logging out', async () => {
    emulator.clear();
    const inRoomOnly = emulator.room('room-1').join('erin');
    const frank = emulator.login('frank');
    const service = running.app.get(UserUnicastService);
    await service.send({ to: 'erin', message: 'hi' });
    await service.send({ to: 'frank', message: 'hi' });
    frank.leave();
    await service.send({ to: 'frank', message: 'again' });
    expect(inRoomOnly.received).toEqual([]);
    expect(frank.received).toMatchObject([{ event: 'onUserMessageReceivedOutsideRoom', message: 'hi' }]);
  });

  it('has tokens that are the classes as long as there is no name', () => {
    expect([getRoomUnicastToken(), getRoomBroadcastToken(), getUserUnicastToken()]).toEqual([
      RoomUnicastService,
      RoomBroadcastService,
      UserUnicastService,
    ]);
  });
});
