import { Test, type TestingModule } from '@nestjs/testing';
import { RoomUnicastService, RtcMessagingModule, type RtcMessagingOptions } from 'nestjs-rtc-messaging';

/** The service on its own, without HTTP. Close the module when done. */
export async function createService(
  options: RtcMessagingOptions,
): Promise<{ module: TestingModule; service: RoomUnicastService }> {
  const module = await Test.createTestingModule({ imports: [RtcMessagingModule.forRoot(options)] }).compile();
  // Failures are what many tests are about.
  module.useLogger(false);
  return { module, service: module.get(RoomUnicastService) };
}
