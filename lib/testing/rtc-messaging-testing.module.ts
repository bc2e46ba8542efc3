import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { resolveSettings } from '../config/resolve-settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { HealthRecord } from '../health/health-record.js';
import { MemoryReceiptStore } from '../receipts/receipt-store.js';
import { Sender } from '../retry/sender.js';
import { ActionCaller } from '../services/action-caller.js';
import { SERVICE_TOKENS } from '../services/service-tokens.js';
import { acceptingSender } from './accepting-sender.js';
import { CALLS, createMock, type RtcMessagingMocks } from './create-mocks.js';

/** What `RtcMessagingTestingModule.forRoot()` takes. */
export interface RtcMessagingTestingOptions extends RtcMessagingMocks {
  /** Name of the replaced module, if it has one. */
  readonly name?: string | undefined;
  /** Whether the services are injectable everywhere. Default false. */
  readonly isGlobal?: boolean | undefined;
}

const OPTIONS = {
  appId: 'test-app',
  appKey: 'test-app-key',
  from: 'server',
  credentials: { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' },
};

/** Any receipt may be asked for, and none comes. */
const NO_RECEIPTS = new MemoryReceiptStore({ maxAwaited: Infinity, awaitMs: 0 });

/**
 * Stands in for `RtcMessagingModule` in tests that need no emulator: it takes no settings, reads no environment and
 * opens no connection. Every service is a plain object whose methods refuse what the service refuses, accept
 * everything else, and can be replaced one by one.
 *
 * @example
 * const module = await Test.createTestingModule({
 *   imports: [RtcMessagingTestingModule.forRoot()],
 *   providers: [AuctionService],
 * }).compile();
 * await module.get(AuctionService).announceWinner('room-1', 'alice');
 * RtcMessagingTestingModule.callsOf(module.get(RoomUnicastService), 'batchSend'); // [[{ roomId: 'room-1', … }]]
 */
@Module({})
export class RtcMessagingTestingModule {
  /** Each app gets new mocks. */
  static forRoot({ name, isGlobal = false, ...mocks }: RtcMessagingTestingOptions = {}): DynamicModule {
    const settings = resolveSettings(OPTIONS, {}, { name });
    const sender = acceptingSender(settings);
    const services = Object.entries(SERVICE_TOKENS).map(([service, token]) => ({
      provide: token(name),
      inject: [ModuleRef],
      useFactory: async (module: ModuleRef) =>
        createMock(await module.create<object>(token() as Type), mocks[service as keyof typeof mocks]),
    }));
    return {
      module: RtcMessagingTestingModule,
      global: isGlobal,
      providers: [
        { provide: RTC_MESSAGING_SETTINGS, useValue: settings },
        { provide: Sender, useValue: sender },
        { provide: ActionCaller, useValue: new ActionCaller(settings, sender, NO_RECEIPTS) },
        { provide: HealthRecord, useFactory: () => new HealthRecord() },
        ...services,
      ],
      exports: services.map(({ provide }) => provide),
    };
  }

  /** The arguments of each call of a mock's method, oldest first. For tests without a mock function of their own. */
  static callsOf<Service, Name extends keyof Service>(
    service: Service,
    method: Name,
  ): (Service[Name] extends (...given: infer Given) => unknown ? Given : never)[] {
    const calls = CALLS.get(service[method] as object);
    if (calls === undefined)
      throw new TypeError('callsOf() was given what is no method of a mock of this module');
    return calls as never;
  }
}
