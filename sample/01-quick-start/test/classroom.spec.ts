import { Test, type TestingModule } from '@nestjs/testing';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClassroomService } from '../src/classroom.service.js';

let emulator: RtcEmulator;
let testing: TestingModule;
let classroom: ClassroomService;

beforeAll(async () => {
  emulator = await RtcEmulator.start();
  testing = await Test.createTestingModule({
    imports: [RtcMessagingModule.forRoot(emulator.moduleOptions())],
    providers: [ClassroomService],
  }).compile();
  classroom = testing.get(ClassroomService);
});
afterAll(async () => {
  await testing.close();
  await emulator.close();
});

it('a class of 1,500 receives its start once', async () => {
  const alice = emulator.room('class-1').join('student-0');
  const students = Array.from({ length: 1_500 }, (_, index) => `student-${index}`);
  expect(await classroom.announceStart('class-1', 'Algebra', students)).toEqual({
    students: 1_500,
    accepted: 1_500,
  });
  expect(alice.received).toMatchObject([{ message: '{"type":"class.started","title":"Algebra"}' }]);
  expect(emulator.deliveries.duplicates()).toEqual([]);
});

it('a student whom the service refuses to call on is reported as not called on', async () => {
  emulator.faults.add({ kind: 'error', code: 'AccessDenied', times: 1 });
  expect(await classroom.callOn('class-1', 'student-0')).toBe(false);
});
