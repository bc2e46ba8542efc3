import { type DynamicModule, Module } from '@nestjs/common';
import { SERVICE_TOKENS } from '../services/service-tokens.js';
import { callsOf, createMocks, type MethodName, type RtcMessagingMocks } from './create-mocks.js';

/** What `RtcMessagingTestingModule.forRoot()` takes. */
export interface RtcMessagingTestingOptions extends RtcMessagingMocks {
  /** Name of the replaced module, if it has one. */
  readonly name?: string | undefined;
  /** Whether the services are injectable everywhere. Default false. */
  readonly isGlobal?: boolean | undefined;
}

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
    const made = 'nestjs-rtc-messaging:mocks';
    const providers = Object.entries(SERVICE_TOKENS).map(([service, token]) => ({
      provide: token(name),
      inject: [made],
      useFactory: (all: ReturnType<typeof createMocks>) => all[service as keyof typeof all],
    }));
    return {
      module: RtcMessagingTestingModule,
      global: isGlobal,
      providers: [{ provide: made, useFactory: () => createMocks(name, mocks) }, ...providers],
      exports: providers.map(({ provide }) => provide),
    };
  }

  /** The arguments of each call of a mock's method, oldest first. For tests without a mock function of their own. */
  static callsOf<Service, Name extends MethodName<Service>>(
    service: Service,
    method: Name,
  ): (Service[Name] extends (...given: infer Given) => unknown ? Given : never)[] {
    return callsOf(service[method]) as never;
  }
}
