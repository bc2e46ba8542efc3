import { describe, expect, it } from '@jest/globals';
import { keepTrying } from '../../lib/bullmq/keep-trying.js';

describe('keepTrying()', () => {
  const refusal = new Error('NOREPLICAS');

  it('lasts as long as the refusals do, with a pause after each', async () => {
    let [tries, pauses] = [0, 0];
    const work = async (): Promise<string> => {
      tries += 1;
      if (tries <= 10_000) throw refusal;
      return 'done';
    };
    const pause = async (): Promise<void> => void (pauses += 1);
    expect(await keepTrying(work, () => false, pause)).toBe('done');
    expect([tries, pauses]).toEqual([10_001, 10_000]);
  });

  it('tries once more after it is over, and then throws why it failed', async () => {
    let tries = 0;
    const work = async (): Promise<void> => {
      tries += 1;
      throw refusal;
    };
    await expect(
      keepTrying(
        work,
        () => tries === 3,
        async () => undefined,
      ),
    ).rejects.toBe(refusal);
    expect(tries).toBe(3);
  });
});
