import { expect, it } from '@jest/globals';
import { RoomUnicastService, RtcHealthIndicator, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';
import { resolveFanOutQueueSettings } from '../../lib/bullmq/fan-out-queue-settings.js';
import { PLATFORMS } from '../support/platforms.js';
import { startApp } from '../support/test-app.js';

const undefinedFor = <K extends string>(...names: K[]): Record<K, undefined> =>
  Object.fromEntries(names.map((name) => [name, undefined])) as Record<K, undefined>;

it('an option that is undefined counts as left out', async () => {
  const emulator = await RtcEmulator.start(
    undefinedFor(
      'port',
      'host',
      'tls',
      'appId',
      'credentials',
      'from',
      'accounts',
      'requestsPerSecond',
      'quotaWindow',
      'quota',
      'roomMessagesPerSecond',
      'largeRoomMessagesPerSecond',
      'overRoomLimit',
      'keepBytes',
      'allowedHosts',
      'allowedOrigins',
    ),
  );
  emulator.faults.add({
    kind: 'html',
    ...undefinedFor('httpStatus', 'accept', 'times', 'probability', 'seed'),
    match: { action: undefined, roomId: 'room-2', userId: undefined },
  });
  const { from: _from, ...options } = emulator.moduleOptions();
  const { app, post } = await startApp(PLATFORMS[0]!, {
    imports: [
      RtcMessagingModule.forRoot({
        ...options,
        ...undefinedFor('region', 'apiVersion', 'timeoutMs', 'deadlineMs', 'onUnknown', 'shutdownTimeoutMs'),
        ...undefinedFor('telemetry', 'allowInsecureEndpoint', 'isGlobal', 'name'),
        from: 'server',
        retry: undefinedFor('maxAttempts'),
        quota: undefinedFor(
          'requestsPerSecond',
          'costPer',
          'roomMessagesPerSecond',
          'credit',
          'reserve',
          'maxQueue',
          'scope',
          'store',
        ),
        http: undefinedFor('httpsAgent', 'httpAgent', 'maxSockets', 'maxContentLength'),
        controller: {
          allowAnonymous: true,
          ...undefinedFor('path', 'actions', 'allowFrom', 'imports', 'guards'),
        },
      }),
      RtcMessagingModule.forRoot({
        ...options,
        from: 'server',
        name: 'other',
        quota: undefined,
        http: undefined,
        retry: undefined,
        controller: undefined,
      }),
    ],
  });
  const service = app.get(RoomUnicastService);
  const message = { roomId: 'room-1', to: ['alice'], message: 'hello', ...undefinedFor('from', 'binary') };
  await service.batchSend(message, undefinedFor('signal', 'timeoutMs', 'deadlineMs', 'onUnknown'));
  const { counts } = await service.fanOut(
    message,
    undefinedFor(
      'signal',
      'deadlineMs',
      'timeoutMs',
      'chunkDeadlineMs',
      'onUnknown',
      'concurrency',
      'chunkSize',
      'dedupe',
      'total',
      'keepChunks',
      'keepRecipients',
      'onChunk',
      'onProgress',
    ),
  );
  expect(counts).toMatchObject({ accepted: 1 });
  const { status } = await post('/rtc/rooms/room-1/unicast', { to: ['alice'], message: 'hello' });
  expect(status).toBe(200);
  const health = app
    .get(RtcHealthIndicator)
    .check('rtc', undefinedFor('queueShare', 'maxWaitMs', 'failureShare', 'minCalls'));
  expect(health).toMatchObject({ rtc: { status: 'up' } });
  await app.close();
  await emulator.close();
});

it('a Redis option that is undefined counts as left out', () => {
  const connection = 'redis://127.0.0.1:1';
  expect(
    () =>
      new RedisQuota({
        connection,
        ...undefinedFor('fallbackShare', 'timeoutMs', 'account', 'keyPrefix'),
      }),
  ).not.toThrow();
  expect(
    resolveFanOutQueueSettings({
      connection,
      ...undefinedFor(
        'prefix',
        'concurrency',
        'lookAhead',
        'maxStoredChunks',
        'lostAfterMs',
        'producerLostAfterMs',
        'retentionMs',
        'maxIdleMs',
      ),
    }),
  ).toEqual(resolveFanOutQueueSettings({ connection }));
});
