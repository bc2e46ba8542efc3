import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  type BatchSendRoomUnicastRequest,
  getRoomUnicastToken,
  InjectRoomUnicast,
  RoomBroadcastService,
  RoomUnicastService,
  RtcConfigError,
  RtcHealthIndicator,
  RtcMessagingModule,
  RtcMessagingTestingModule,
  type RtcMessagingTestingOptions,
  RtcValidationError,
  type SendReceipt,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import type { FanOutHandle, FanOutQueueService } from 'nestjs-rtc-messaging/bullmq';
import { variables } from '../../lib/config/module-option-table.js';
import { rejectionOf } from '../support/rejection.js';

const MESSAGE = { roomId: 'room-1', to: ['alice', 'bob', 'alice'], message: 'hello' };
const RECEIPT = {
  outcome: 'accepted',
  action: 'BatchSendRoomUnicast',
  recipients: 2,
  possibleDuplicate: false,
};

@Injectable()
class Announcer {
  constructor(private readonly roomUnicast: RoomUnicastService) {}

  announce(): Promise<SendReceipt> {
    return this.roomUnicast.batchSend(MESSAGE);
  }
}

let modules: TestingModule[] = [];
afterEach(async () => {
  for (const module of modules) await module.close();
  modules = [];
});
const kept = async (compiling: Promise<TestingModule>): Promise<TestingModule> => {
  const module = await compiling;
  module.useLogger(false);
  modules.push(module);
  return module;
};
const withMocks = (options?: RtcMessagingTestingOptions): Promise<TestingModule> =>
  kept(
    Test.createTestingModule({
      imports: [RtcMessagingTestingModule.forRoot(options)],
      providers: [Announcer],
    }).compile(),
  );

/** Nothing of the library's may be set where these run. */
it('the environment of these tests has no settings', () => {
  expect(Object.values(variables()).filter((variable) => process.env[variable] !== undefined)).toEqual([]);
});

describe('the testing module', () => {
  it('gives receipts that match the requests', async () => {
    const module = await withMocks();
    const receipt = await module.get(Announcer).announce();
    expect(receipt).toMatchObject(RECEIPT);
    expect(receipt.attempts).toMatchObject([
      { outcome: 'accepted', phase: 'done', requestId: receipt.requestId },
    ]);
    const message = 'hello';
    expect(await module.get(RoomUnicastService).send({ roomId: 'r', to: 'a', message })).toMatchObject({
      action: 'SendRoomUnicast',
      recipients: 1,
    });
    const broadcast = await module.get(RoomBroadcastService).send({ roomId: 'r', message });
    expect(broadcast).toMatchObject({ action: 'SendBroadcast' });
    expect(broadcast).not.toHaveProperty('recipients');
    expect(await module.get(UserUnicastService).send({ to: 'a', message })).toMatchObject({
      action: 'SendUnicast',
    });
    const signal = AbortSignal.abort();
    expect(
      await rejectionOf(module.get(UserUnicastService).send({ to: 'a', message }, { signal })),
    ).toMatchObject({
      code: 'RTC_ABORTED',
      outcome: 'not_attempted',
    });
  });

  it('reads the recipients of a fan-out, and gives counts that add up', async () => {
    const service = (await withMocks()).get(RoomUnicastService);
    async function* users(): AsyncGenerator<string> {
      for (let user = 0; user < 1_300; user++) yield `user-${user}`;
      yield 'not an ID';
      yield 'user-1299';
    }
    const seen: number[] = [];
    const report = await service.fanOut(
      { ...MESSAGE, to: users() },
      { total: 1_302, onProgress: ({ done }) => void seen.push(done) },
    );
    expect(report).toMatchObject({
      status: 'partial',
      counts: {
        input: 1_302,
        duplicates: 1,
        invalid: 1,
        accepted: 1_300,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      requests: 3,
    });
    expect(seen.at(-1)).toBe(1_302);
    expect(service.estimate(1_000_000)).toMatchObject({ requests: 1_667 });
  });

  it.each<[string, (service: RoomUnicastService) => Promise<unknown>, string]>([
    ['an ID', (service) => service.batchSend({ ...MESSAGE, to: ['a b'] }), 'to[0]'],
    ['a message', (service) => service.send({ ...MESSAGE, to: 'alice', message: '' }), 'message'],
    ['an option', (service) => service.batchSend(MESSAGE, { timeoutMs: 0 }), 'options.timeoutMs'],
    ["a fan-out's room", (service) => service.fanOut({ ...MESSAGE, roomId: 'a b' }), 'roomId'],
    ["a fan-out's option", (service) => service.fanOut(MESSAGE, { chunkSize: 601 }), 'options.chunkSize'],
    ['a number of recipients', async (service) => service.estimate(-1), 'recipients'],
  ])(
    'refuses %s that the service refuses, also where functions of the test return nothing',
    async (_what, call, path) => {
      const own = jest.fn();
      const plain = (await withMocks()).get(RoomUnicastService);
      const overridden = (
        await withMocks({ roomUnicast: { batchSend: own, send: own, fanOut: own, estimate: own } })
      ).get(RoomUnicastService);
      for (const service of [plain, overridden]) {
        const error = await rejectionOf<RtcValidationError>(call(service));
        expect(error).toBeInstanceOf(RtcValidationError);
        expect(error.issues).toMatchObject([{ path }]);
      }
    },
  );

  it("takes a test's own functions, which go on being its own", async () => {
    const batchSend = jest.fn();
    const module = await withMocks({ roomUnicast: { batchSend } });
    expect(await module.get(Announcer).announce()).toMatchObject(RECEIPT);
    expect(batchSend).toHaveBeenCalledWith(MESSAGE);
    expect(module.get(RoomUnicastService).batchSend).toHaveBeenCalledTimes(1);
    const down = new Error('down');
    batchSend.mockRejectedValueOnce(down as never);
    expect(await rejectionOf(module.get(Announcer).announce())).toBe(down);
    expect(await module.get(RoomUnicastService).send({ ...MESSAGE, to: 'alice' })).toMatchObject({
      recipients: 1,
    });
  });

  it("calls the methods of a test's own object on that object", async () => {
    class Recorder {
      readonly rooms: string[] = [];
      batchSend(request: unknown): void {
        this.rooms.push((request as BatchSendRoomUnicastRequest).roomId);
      }
    }
    const recorder = new Recorder();
    const module = await withMocks({ roomUnicast: recorder as RtcMessagingTestingOptions['roomUnicast'] });
    expect(await module.get(Announcer).announce()).toMatchObject(RECEIPT);
    expect(recorder.rooms).toEqual(['room-1']);
  });

  it('gives the usual result where a function of the test returns nothing, now or later', async () => {
    for (const batchSend of [() => undefined, async () => undefined]) {
      const module = await Test.createTestingModule({
        imports: [RtcMessagingTestingModule.forRoot({ roomUnicast: { batchSend } })],
      }).compile();
      const request = { roomId: 'room-1', to: ['alice'], message: 'hello' };
      expect(await module.get(RoomUnicastService).batchSend(request)).toMatchObject({ outcome: 'accepted' });
    }
  });

  it('records calls, for tests without mock functions, anew for each app', async () => {
    const messaging = RtcMessagingTestingModule.forRoot();
    const create = () =>
      kept(Test.createTestingModule({ imports: [messaging], providers: [Announcer] }).compile());
    const [one, another] = [await create(), await create()];
    await one.get(Announcer).announce();
    const calls: [BatchSendRoomUnicastRequest, unknown?][] = RtcMessagingTestingModule.callsOf(
      one.get(RoomUnicastService),
      'batchSend',
    );
    expect(calls).toEqual([[MESSAGE]]);
    expect(RtcMessagingTestingModule.callsOf(another.get(RoomUnicastService), 'batchSend')).toEqual([]);
    const foreign = { batchSend: () => undefined };
    expect(() => RtcMessagingTestingModule.callsOf(foreign, 'batchSend')).toThrow('no method of a mock');
  });

  it('can be spied on', async () => {
    const module = await withMocks();
    const batchSend = jest.spyOn(module.get(RoomUnicastService), 'batchSend');
    expect(await module.get(Announcer).announce()).toMatchObject(RECEIPT);
    expect(batchSend).toHaveBeenCalledWith(MESSAGE);
  });

  it('has health that is up', async () => {
    const health = (await withMocks()).get(RtcHealthIndicator);
    expect(health.check('rtc')).toMatchObject({
      rtc: { status: 'up', problems: [], credentials: { state: 'fixed' } },
    });
    const down = await withMocks({
      health: { status: () => ({ ...health.status(), status: 'down' as const }) },
    });
    expect(down.get(RtcHealthIndicator).status()).toMatchObject({ status: 'down' });
  });

  it('stands in for modules with names, and for one that is global', async () => {
    @Injectable()
    class Both {
      constructor(
        readonly roomUnicast: RoomUnicastService,
        @InjectRoomUnicast('eu') readonly eu: RoomUnicastService,
      ) {}
    }
    @Module({ providers: [Both] })
    class Feature {}
    const module = await kept(
      Test.createTestingModule({
        imports: [
          RtcMessagingTestingModule.forRoot({ isGlobal: true }),
          RtcMessagingTestingModule.forRoot({ isGlobal: true, name: 'eu' }),
          Feature,
        ],
      }).compile(),
    );
    const { roomUnicast, eu } = module.get(Both, { strict: false });
    await eu.batchSend(MESSAGE);
    expect(eu).toBe(module.get(getRoomUnicastToken('eu')));
    expect(RtcMessagingTestingModule.callsOf(eu, 'batchSend')).toHaveLength(1);
    expect(RtcMessagingTestingModule.callsOf(roomUnicast, 'batchSend')).toHaveLength(0);
  });
});

describe('an app whose module lacks its settings', () => {
  const messaging = RtcMessagingModule.forRoot();
  const settings = RtcMessagingModule.forRootAsync({
    name: 'eu',
    useFactory: () => {
      throw new Error('No settings here');
    },
  });
  @Module({ imports: [messaging], providers: [Announcer] })
  class AppModule {}
  @Module({ imports: [settings] })
  class AsyncAppModule {}

  it('boots with the testing module in place of that one', async () => {
    const module = await kept(
      Test.createTestingModule({ imports: [AppModule] })
        .overrideModule(messaging)
        .useModule(RtcMessagingTestingModule.forRoot())
        .compile(),
    );
    expect(await module.get(Announcer).announce()).toMatchObject(RECEIPT);
    const named = await kept(
      Test.createTestingModule({ imports: [AsyncAppModule] })
        .overrideModule(settings)
        .useModule(RtcMessagingTestingModule.forRoot({ name: 'eu' }))
        .compile(),
    );
    const eu = named.get<RoomUnicastService>(getRoomUnicastToken('eu'), { strict: false });
    expect(await eu.batchSend(MESSAGE)).toMatchObject(RECEIPT);
  });

  it('boots with a mock in place of one service; the others say what is missing', async () => {
    const mock: jest.Mocked<RoomUnicastService> = {
      batchSend: jest.fn(),
      send: jest.fn(),
      fanOut: jest.fn(),
      sendEach: jest.fn(),
      estimate: jest.fn(),
    };
    const module = await kept(
      Test.createTestingModule({ imports: [AppModule] })
        .overrideProvider(RoomUnicastService)
        .useValue(mock)
        .compile(),
    );
    await module.get(Announcer).announce();
    expect(mock.batchSend).toHaveBeenCalledWith(MESSAGE);
    const others = module.get(UserUnicastService, { strict: false });
    const error = await rejectionOf<RtcConfigError>(others.send({ to: 'alice', message: 'hello' }));
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain('appId (RTC_APP_ID): is missing');
  });

  it('does not boot by itself, nor where it is wrong in code', async () => {
    const booting = (module: typeof messaging) =>
      Test.createTestingModule({ imports: [module] })
        .overrideProvider(RoomBroadcastService)
        .useValue({})
        .compile();
    expect(await rejectionOf(Test.createTestingModule({ imports: [AppModule] }).compile())).toBeInstanceOf(
      RtcConfigError,
    );
    const open = RtcMessagingModule.forRoot({ controller: { guards: [] } });
    expect(await rejectionOf(booting(open))).toBeInstanceOf(RtcConfigError);
  });
});

describe('the types of services', () => {
  it('fit plain objects and classes, as mocks are', async () => {
    class Fake implements RoomUnicastService {
      batchSend = jest.fn<RoomUnicastService['batchSend']>();
      send = jest.fn<RoomUnicastService['send']>();
      fanOut = jest.fn<RoomUnicastService['fanOut']>();
      sendEach = jest.fn<RoomUnicastService['sendEach']>();
      estimate = jest.fn<RoomUnicastService['estimate']>();
    }
    const broadcast: jest.Mocked<RoomBroadcastService> = { send: jest.fn() };
    const user: jest.Mocked<UserUnicastService> = { send: jest.fn() };
    const handle: jest.Mocked<FanOutHandle> = {
      id: 'a-fan-out',
      progress: jest.fn(),
      result: jest.fn(),
      cancel: jest.fn(),
      resume: jest.fn(),
      unaccepted: jest.fn(),
    };
    const queue: Pick<FanOutQueueService, 'enqueue' | 'get'> = {
      enqueue: async () => handle,
      get: async () => handle,
    };
    const partial = { batchSend: jest.fn() } as Partial<RoomUnicastService> as RoomUnicastService;
    for (const mock of [new Fake(), broadcast, user, queue, partial]) expect(mock).toBeDefined();
  });
});
