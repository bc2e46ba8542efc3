import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import {
  ClientSignatureService,
  OnClientMessage,
  OnRtcEvent,
  type RtcCallbackEvent,
  RtcCallbackModule,
  type RtcClientMessage,
} from 'nestjs-rtc-messaging/callbacks';
import { APP_ID, EVENT_SECRET, MESSAGE_SECRET, postRaw, wireEvent } from '../support/callback-requests.js';
import { PLATFORMS } from '../support/platforms.js';
import { startApp } from '../support/test-app.js';

@Injectable()
class Classroom {
  readonly events: RtcCallbackEvent[] = [];
  readonly joins: RtcCallbackEvent<'UserJoinRoom'>[] = [];
  readonly messages: RtcClientMessage[] = [];

  @OnRtcEvent('*')
  onAny(event: RtcCallbackEvent): void {
    this.events.push(event);
  }

  @OnRtcEvent('UserJoinRoom')
  async onJoin(event: RtcCallbackEvent<'UserJoinRoom'>): Promise<void> {
    this.joins.push(event);
  }

  @OnClientMessage()
  onMessage(message: RtcClientMessage): string | Uint8Array {
    this.messages.push(message);
    return message.message;
  }
}

const OPTIONS = {
  appId: APP_ID,
  events: { path: '/rtc/events', secrets: [EVENT_SECRET] },
  clientMessages: { path: '/rtc/messages', secrets: [MESSAGE_SECRET] },
};

describe.each(PLATFORMS)('callbacks on $name', (platform) => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  const start = async (
    metadata: ModuleMetadata = {},
    configure?: (app: INestApplication) => void,
  ): Promise<string> => {
    const running = await startApp(
      platform,
      {
        ...metadata,
        imports: [RtcCallbackModule.forRoot(OPTIONS), ...(metadata.imports ?? [])],
        providers: [Classroom, ...(metadata.providers ?? [])],
      },
      configure,
    );
    ({ app } = running);
    return await app.getUrl();
  };
  const classroom = (): Classroom => app!.get(Classroom);

  it('brings a signed event to its handlers', async () => {
    const url = await start();
    const sent = wireEvent();
    const { status } = await postRaw(`${url}/rtc/events`, sent);
    expect(status).toBe(200);
    expect(classroom().events).toEqual([
      {
        type: 'UserJoinRoom',
        id: sent.EventId,
        time: new Date(sent.EventTime),
        appId: APP_ID,
        version: '2020-12-01',
        data: JSON.parse(sent.EventData),
      },
    ]);
    expect(classroom().joins).toEqual(classroom().events);
  });

  it('brings a client message to its handler, and its answer back', async () => {
    const url = await start();
    const signature = app!
      .get(ClientSignatureService)
      .issue({ userId: 'alice', roomId: 'room-1', expiresInSeconds: 60 });
    const answer = await postRaw(`${url}/rtc/messages`, { message: 'héllo', binary: false, signature });
    expect(answer).toMatchObject({ status: 200, text: 'héllo' });
    const message = Buffer.from([0, 255, 1]).toString('base64');
    const binary = await postRaw(`${url}/rtc/messages`, { message, binary: true, signature });
    expect([...binary.bytes]).toEqual([0, 255, 1]);
    expect(classroom().messages).toEqual([
      { userId: 'alice', issuedForRoom: 'room-1', message: 'héllo' },
      { userId: 'alice', issuedForRoom: 'room-1', message: new Uint8Array([0, 255, 1]) },
    ]);
  });

  it('refuses what is not signed', async () => {
    const url = await start();
    const { status } = await postRaw(`${url}/rtc/events`, wireEvent({}, 'another secret'));
    expect(status).toBe(401);
    const answer = await postRaw(`${url}/rtc/messages`, { message: 'x', binary: false, signature: 'x.y' });
    expect(answer.status).toBe(401);
    expect(classroom().events).toEqual([]);
    expect(classroom().messages).toEqual([]);
  });
});
