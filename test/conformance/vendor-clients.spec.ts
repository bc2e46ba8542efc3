import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Service } from '@volcengine/openapi';
import { Client } from '@volcengine/sdk-core';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ActionCommand } from '../support/sdk-core-command.js';

const VERSION = '2023-07-20';

interface Call {
  readonly body?: Record<string, unknown>;
  readonly action?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

interface Metadata {
  readonly RequestId: string;
  readonly Error?: { readonly Code: string; readonly CodeN?: number };
}

/** The vendor's two Node packages, each with its own way of signing and sending. */
const VENDOR_CLIENTS: readonly [
  string,
  (url: string, call: Required<Omit<Call, 'sessionToken'>> & Call) => Promise<Metadata>,
][] = [
  [
    '@volcengine/openapi',
    async (url, { body, action, accessKeyId, secretAccessKey, sessionToken }) => {
      const service = new Service({
        host: new URL(url).host,
        protocol: 'http:',
        region: 'cn-north-1',
        serviceName: 'rtc',
        accessKeyId,
        secretKey: secretAccessKey,
        ...(sessionToken !== undefined && { sessionToken }),
      });
      const send = service.createJSONAPI(action, { Version: VERSION });
      const answer = (await send(body)) as { ResponseMetadata: Metadata };
      return answer.ResponseMetadata;
    },
  ],
  [
    '@volcengine/sdk-core',
    async (url, { body, action, accessKeyId, secretAccessKey, sessionToken }) => {
      const client = new Client({
        host: new URL(url).host,
        protocol: 'http',
        region: 'cn-north-1',
        accessKeyId,
        secretAccessKey,
        sessionToken,
        autoRetry: false,
      });
      try {
        const command = new ActionCommand(body, { Action: action, Version: VERSION });
        const answer = (await client.send(command)) as { ResponseMetadata: Metadata };
        return answer.ResponseMetadata;
      } catch (error) {
        return (error as { data: { ResponseMetadata: Metadata } }).data.ResponseMetadata;
      } finally {
        client.destroy();
      }
    },
  ],
];

describe.each(VENDOR_CLIENTS)('%s, pointed at the emulator', (_name, send) => {
  let emulator: RtcEmulator;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
  });
  beforeEach(() => emulator.clear());
  afterAll(() => emulator.close());

  const body = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    AppId: 'emulator-app',
    RoomId: 'room-1',
    From: 'server',
    To: ['alice'],
    Binary: false,
    Message: 'héllo 世界',
    ...changes,
  });
  const call = (changes: Call = {}): Promise<Metadata> =>
    send(emulator.url, {
      body: body(),
      action: 'BatchSendRoomUnicast',
      ...emulator.moduleOptions().credentials,
      ...changes,
    });

  it('sends a message', async () => {
    const alice = emulator.room('room-1').join('alice');
    const metadata = await call();
    expect(metadata.Error).toBeUndefined();
    expect(metadata.RequestId).toMatch(/^\d{14}[0-9A-F]{18}$/);
    expect(alice.received).toMatchObject([
      { event: 'onUserMessageReceived', from: 'server', message: 'héllo 世界' },
    ]);
  });

  it('sends with a temporary access key', async () => {
    const credentials = { accessKeyId: 'tmp-key', secretAccessKey: 'tmp-secret', sessionToken: 'tmp-token' };
    const temporary = await RtcEmulator.start({ credentials });
    const options = { body: body(), action: 'BatchSendRoomUnicast', ...credentials };
    const accepted = await send(temporary.url, options);
    const refused = await send(temporary.url, { ...options, sessionToken: 'another' });
    await temporary.close();
    expect(accepted.Error).toBeUndefined();
    expect(refused.Error).toMatchObject({ Code: 'InvalidSecretToken' });
  });

  it.each<[string, Call, string, number | undefined]>([
    ['a wrong secret', { secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch', 100_010],
    ['an unknown key', { accessKeyId: 'unknown' }, 'InvalidAccessKey', 100_009],
    ['an unknown action', { action: 'SendPigeon' }, 'InvalidActionOrVersion', 100_008],
    [
      '601 users',
      { body: body({ To: Array.from({ length: 601 }, (_, index) => `user-${index}`) }) },
      'InvalidParameter.UserCountOverLimit',
      undefined,
    ],
    [
      '20,481 bytes',
      { body: body({ Message: 'x'.repeat(20_481) }) },
      'InvalidParameter.SizeOverLimit',
      undefined,
    ],
    ['an illegal user ID', { body: body({ To: ['alice', 'a b'] }) }, 'InvalidParameter.IllegalTo', undefined],
    ['an illegal room ID', { body: body({ RoomId: 'a/b' }) }, 'InvalidParameter.IllegalRoomID', undefined],
    ['an illegal sender', { body: body({ From: '' }) }, 'InvalidParameter.IllegalFrom', undefined],
  ])('with %s is refused', async (_what, changes, code, codeN) => {
    const { Error: error } = await call(changes);
    expect(error?.Code).toBe(code);
    expect(error?.CodeN).toBe(codeN);
    expect(emulator.accepted.total).toBe(0);
  });
});
