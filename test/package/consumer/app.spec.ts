import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { RtcValidationError } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { Announcer, AppModule, Reminder } from './app.js';

describe('an app that uses the library', () => {
  let emulator: RtcEmulator;
  let module: TestingModule;
  /** What was logged as an error or a warning. */
  const problems: unknown[] = [];
  const note = (problem: unknown): void => void problems.push(problem);

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    module = await Test.createTestingModule({
      imports: [AppModule.with(emulator.moduleOptions())],
    })
      .setLogger({ log: () => undefined, warn: note, error: note })
      .compile();
  });
  afterAll(async () => {
    await module.close();
    await emulator.close();
  });

  it('sends to the emulator', async () => {
    const alice = emulator.room('room-1').join('alice');
    await module.get(Announcer).announce('room-1', ['alice'], 'hello');
    expect(alice.received).toEqual([expect.objectContaining({ from: 'server', message: 'hello' })]);
    expect(problems).toEqual([]);
  });

  it('sends from a class that has @Inject', async () => {
    const bob = emulator.room('room-1').join('bob');
    await module.get(Reminder).remind('room-1', 'bob');
    expect(bob.received).toEqual([expect.objectContaining({ message: 'reminder' })]);
  });

  it('can distinguish the errors', async () => {
    await expect(module.get(Announcer).announce('room 1', ['alice'], 'hello')).rejects.toThrow(
      RtcValidationError,
    );
  });
});
