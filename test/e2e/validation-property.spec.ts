import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import fc from 'fast-check';
import {
  type BroadcastReceipt,
  RoomBroadcastService,
  RoomUnicastService,
  type RtcActionName,
  RtcValidationError,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { sendRaw } from '../support/raw-request.js';
import { type AnyRequest, anyRequests, MODELS, wireRequests, wrongPaths } from '../support/request-model.js';
import { createService } from '../support/service.js';

const RUNS = 60;

/** What the vendor's service says to a request that breaks a rule of its fields. */
const REFUSALS =
  /^InvalidParameter(\.(IllegalRoomID|IllegalFrom|IllegalTo|UserCountOverLimit|SizeOverLimit|Unmarshal))?$/;

describe('the service and the emulator', () => {
  let emulator: RtcEmulator;
  let module: TestingModule;
  beforeAll(async () => {
    emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
    ({ module } = await createService({
      ...emulator.moduleOptions(),
      quota: { requestsPerSecond: 1_000_000 },
    }));
  });
  afterAll(async () => {
    await module.close();
    await emulator.close();
  });

  const send = (action: RtcActionName, request: AnyRequest): Promise<BroadcastReceipt> => {
    switch (action) {
      case 'BatchSendRoomUnicast':
        return module.get(RoomUnicastService).batchSend(request as never);
      case 'SendRoomUnicast':
        return module.get(RoomUnicastService).send(request as never);
      case 'SendBroadcast':
        return module.get(RoomBroadcastService).send(request as never);
      case 'SendUnicast':
        return module.get(UserUnicastService).send(request as never);
    }
  };
  /** The request as it would be sent if no one checked it first. */
  const sendUnchecked = async (action: RtcActionName, request: AnyRequest) => {
    const { roomId, to, from, message, binary } = request;
    const { body } = await sendRaw(emulator, {
      query: `Action=${action}&Version=2023-07-20`,
      body: JSON.stringify({
        AppId: emulator.moduleOptions().appId,
        RoomId: roomId,
        To: to,
        From: from === undefined ? 'server' : from,
        Message: message,
        Binary: binary,
      }),
    });
    return (body as { ResponseMetadata: { Error?: { Code: string } } }).ResponseMetadata.Error?.Code;
  };

  it.each(MODELS)(`agree on every request of $action (${RUNS} requests)`, async (model) => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(wireRequests(model), async (request) => {
        emulator.clear();
        const refusal = await sendUnchecked(model.action, request);
        if (wrongPaths(model, request).length === 0) {
          expect(refusal).toBeUndefined();
          accepted += 1;
          const receipt = await send(model.action, request);
          const [unchecked, checked] = emulator.requests.map(
            ({ body }) => JSON.parse(body.toString()) as AnyRequest,
          );
          // What was checked is what was given, but for users who are named twice.
          const users = [...new Set([unchecked!['To'] ?? []].flat())];
          expect(checked).toEqual({
            ...unchecked,
            Binary: unchecked!['Binary'] ?? false,
            ...(model.to === 'list' && { To: users }),
          });
          if (model.action === 'SendBroadcast') expect(receipt).not.toHaveProperty('recipients');
          else expect(receipt).toHaveProperty('recipients', users.length);
        } else {
          expect(refusal).toMatch(REFUSALS);
          await expect(send(model.action, request)).rejects.toThrow(RtcValidationError);
          expect(emulator.requests).toHaveLength(1);
        }
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });

  it.each(MODELS)(
    `agree on what the service lets pass of $action, whatever it is given (${RUNS} requests)`,
    async (model) => {
      await fc.assert(
        fc.asyncProperty(anyRequests(model), async (request) => {
          emulator.clear();
          const outcome = await send(model.action, request).then(
            () => 'accepted',
            (error: unknown) => (error instanceof RtcValidationError ? error.outcome : error),
          );
          const legal = wrongPaths(model, request).length === 0;
          expect(outcome).toBe(legal ? 'accepted' : 'not_attempted');
          expect(emulator.requests.map((recorded) => recorded.outcome)).toEqual(legal ? ['accepted'] : []);
        }),
        { numRuns: RUNS },
      );
    },
  );
});
