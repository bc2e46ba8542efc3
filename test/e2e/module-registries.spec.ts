import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { RtcApiError, RtcMessagingError, RtcNetworkError, RtcQuotaError } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';

let emulator: RtcEmulator;

beforeEach(async () => {
  emulator = await RtcEmulator.start();
  // As suites do that set the environment. Whatever is loaded from now on is another copy.
  jest.resetModules();
});
afterEach(() => emulator.close());

it('rejects with the errors that the app has imported', async () => {
  const { module, service } = await createService(emulator.moduleOptions());
  emulator.faults.add({ kind: 'error', code: 'AccessDenied' });
  const error = await rejectionOf(service.batchSend({ roomId: 'room-1', to: ['alice'], message: 'hello' }));
  expect(error).toBeInstanceOf(RtcMessagingError);
  expect(error).toBeInstanceOf(RtcApiError);
  expect(error).not.toBeInstanceOf(RtcNetworkError);
  expect(error).not.toBeInstanceOf(RtcQuotaError);
  await module.close();
});

it('counts what was refused as rejected, and splits a chunk for a bad ID', async () => {
  const { module, service } = await createService(emulator.moduleOptions());
  emulator.faults.add({ kind: 'error', code: 'InvalidParameter.IllegalTo', times: 1 });
  const split = await service.fanOut({ roomId: 'room-1', to: ['alice', 'bob'], message: 'hello' });
  expect(split.counts).toMatchObject({ accepted: 2, unknown: 0 });
  emulator.faults.add({ kind: 'error', code: 'AccessDenied' });
  const refused = await service.fanOut({ roomId: 'room-1', to: ['alice', 'bob'], message: 'bye' });
  expect(refused).toMatchObject({ status: 'rejected', counts: { rejected: 2, unknown: 0 } });
  await module.close();
});
