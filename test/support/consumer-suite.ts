import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Consumer, type ConsumerPlan, createConsumer } from './consumer.js';

const INSTALL_LIMIT_MS = 180_000;
const RUN_LIMIT_MS = 60_000;

/** What every app that installs the packed library must be able to do. */
export function describeConsumer(name: string, plan: ConsumerPlan): void {
  describe(`the packed library in ${name}`, () => {
    let consumer: Consumer;
    beforeAll(async () => {
      consumer = await createConsumer(plan);
    }, INSTALL_LIMIT_MS);
    afterAll(() => consumer.remove());

    it(
      'type checks, boots, and sends to the emulator',
      async () => {
        await consumer.run('node', ['node_modules/typescript/bin/tsc']);
        const output = await consumer.run('node', ['dist/main.js']);
        expect(JSON.parse(output)).toEqual({
          outcome: 'accepted',
          status: 200,
          received: ['from the service', 'from the controller'],
        });
      },
      RUN_LIMIT_MS,
    );

    it(
      "runs in the app's own Jest, the emulator included",
      async () => {
        const args = plan.type === 'module' ? ['--experimental-vm-modules'] : [];
        const report = await consumer.run('node', [...args, 'node_modules/jest/bin/jest.js', '--json']);
        const { success, numPassedTests } = JSON.parse(report) as {
          success: boolean;
          numPassedTests: number;
        };
        expect({ success, numPassedTests }).toEqual({ success: true, numPassedTests: 2 });
      },
      RUN_LIMIT_MS,
    );

    it('brings the command rtc-emulator', async () => {
      expect(await consumer.run('node_modules/.bin/rtc-emulator', ['--help'])).toContain(
        'Usage: rtc-emulator',
      );
    });
  });
}
