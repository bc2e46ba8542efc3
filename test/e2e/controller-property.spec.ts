import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PLATFORMS } from '../support/platforms.js';
import { anyCharacter, runs } from '../support/properties.js';
import { startApp, type TestApp } from '../support/test-app.js';

/** Names that the controller knows, and some that JavaScript gives a meaning. */
const fieldName = fc.constantFrom(
  'to',
  'message',
  'binary',
  'from',
  'roomId',
  '__proto__',
  'constructor',
  'toString',
  'length',
  '',
);
const legalId = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,128}$/);
const id = fc.oneof(legalId, fc.string({ unit: anyCharacter, maxLength: 140 }));
const likelyValue = fc.oneof(
  fc.jsonValue(),
  id,
  fc.array(id, { maxLength: 20 }),
  fc.array(fc.jsonValue(), { maxLength: 5 }),
  fc.base64String({ maxLength: 200 }),
  fc.boolean(),
);
const body = fc.oneof(
  fc.json(),
  fc.array(fc.tuple(fc.oneof(fieldName, fc.string()), likelyValue), { maxLength: 7 }).map((entries) => {
    // Written by hand, since an object of JavaScript's can't have its own __proto__ or a name twice.
    const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    return `{${members.join(',')}}`;
  }),
  fc
    .record({
      to: fc.array(legalId, { minLength: 1, maxLength: 5 }),
      message: fc.string({ unit: anyCharacter, minLength: 1 }),
      binary: fc.constant(false),
    })
    .map((value) => JSON.stringify(value)),
  fc.string(),
);
const room = fc.oneof(
  { arbitrary: fc.constant('room-1'), weight: 4 },

  {
    arbitrary: fc.string({ unit: anyCharacter, minLength: 1, maxLength: 40 }).filter(isEncodable),
    weight: 1,
  },
);

/** A path segment of dots is resolved away by the client. */
function isEncodable(text: string): boolean {
  return text.isWellFormed() && !/^\.{1,2}$/.test(text);
}

describe.each(PLATFORMS)('whatever is posted to the controller on $name', (platform) => {
  let emulator: RtcEmulator;
  let running: TestApp;

  beforeAll(async () => {
    emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
    running = await startApp(
      platform,
      {
        imports: [
          RtcMessagingModule.forRoot({
            ...emulator.moduleOptions(),
            controller: { allowAnonymous: true, allowFrom: true },
          }),
        ],
      },
      platform.raiseBodyLimit,
    );
  });
  afterAll(async () => {
    await running.app.close();
    await emulator.close();
  });

  it('is accepted or answered with a clear 4xx, and the service agrees with what is accepted', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(room, body, async (roomId, json) => {
        const before = emulator.requests.length;
        const answer = await running.post(`/rtc/rooms/${encodeURIComponent(roomId)}/unicast`, json);
        if (answer.status === 200) {
          accepted += 1;
          expect(emulator.requests.at(-1)).toMatchObject({ outcome: 'accepted' });
          expect(emulator.requests.length).toBe(before + 1);
        } else {
          expect([400, 404, 414]).toContain(answer.status);
          expect(answer.body.statusCode).toBe(answer.status);
          expect(emulator.requests.length).toBe(before);
        }
      }),
      { numRuns: runs(400) },
    );
    expect(accepted).toBeGreaterThan(15);
    // Jest fails the test on an unhandled rejection; the last ones have had their turn after this.
    await new Promise((resolve) => setImmediate(resolve));
  });
});
