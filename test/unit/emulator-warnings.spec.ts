import { describe, expect, it } from '@jest/globals';
import { Warnings } from '../../lib/emulator/warnings.js';

describe('the warnings of an emulator', () => {
  let now = 0;
  const started = (): { warnings: Warnings; heard: string[] } => {
    const heard: string[] = [];
    const warnings = new Warnings(
      () => now,
      (text) => heard.push(text),
    );
    return { warnings, heard };
  };

  it('are said once for each subject', () => {
    const { warnings, heard } = started();
    for (const subject of ['a', 'b', 'a', 'b', 'a']) warnings.warn(subject, () => `about ${subject}`);
    now += 3_600_000;
    warnings.warn('a', () => 'about a again');
    expect(heard).toEqual(['about a', 'about b']);
  });

  it('are five a minute, of which the last says so, and go on in the next minute', () => {
    const { warnings, heard } = started();
    let made = 0;
    const warnAll = (from: number): void => {
      for (let room = from; room < from + 100; room += 1)
        warnings.warn(`r${room}`, () => `r${room} ${(made += 1)}`);
    };
    warnAll(0);
    now += 59_999;
    warnAll(100);
    expect(heard).toEqual([
      'r0 1',
      'r1 2',
      'r2 3',
      'r3 4',
      'r4 5 There are no more warnings in this minute.',
    ]);
    now += 1;
    warnAll(0);
    // Those that were not said before are said now. Texts that no one reads are not made.
    expect(heard.slice(5)).toEqual([
      'r5 6',
      'r6 7',
      'r7 8',
      'r8 9',
      'r9 10 There are no more warnings in this minute.',
    ]);
  });

  it('are remembered for a thousand subjects', () => {
    const { warnings, heard } = started();
    const warnOf = (subject: number): void => {
      now += 60_000;
      warnings.warn(`${subject}`, () => `${subject}`);
    };
    for (let subject = 0; subject < 1_000; subject += 1) warnOf(subject);
    warnOf(0);
    expect(heard).toHaveLength(1_000);
    warnOf(1_000);
    warnOf(0);
    expect(heard.slice(1_000)).toEqual(['1000', '0']);
  });
});
