import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import {
  type AppPlan,
  type Consumer,
  type ConsumerPlan,
  type JestPlan,
  type VitestPlan,
  createConsumer,
  isDocumented,
} from './consumer.js';
import { type NodeBinary, nodeBinaries } from './node-binaries.js';

/** How many tests `consumer/app.spec.ts` has, and the README with the page on testing. */
const OWN_TESTS = 3;
const DOCUMENTED_TESTS = 5;

/** What can't work, however the library is made. */
export interface KnownLimit {
  readonly app: string;
  /** The name of a way of running the tests. */
  readonly check: string;
  readonly applies: (node: NodeBinary) => boolean;
  /** Why, as the matrix says it. */
  readonly why: string;
  /** What the failure says, so that another one is not taken for it. */
  readonly message: string;
}

/**
 * What every app that installs the packed library must be able to do. The titles make the matrix of
 * `npm run test:compat`: version of Nest, module system, Node, check.
 */
export function describeConsumer(name: string, plan: ConsumerPlan, limits: readonly KnownLimit[] = []): void {
  describe(name, () => {
    let consumer: Consumer;
    beforeAll(async () => {
      consumer = await createConsumer(plan);
    });
    afterAll(() => consumer.remove());

    for (const [app, appPlan] of Object.entries(plan.apps)) {
      describe(app, () => describeApp(() => consumer, app, appPlan, isDocumented(plan), limits));
    }
  });
}

function describeApp(
  getConsumer: () => Consumer,
  app: string,
  plan: AppPlan,
  documented: boolean,
  limits: readonly KnownLimit[],
): void {
  const resolution = String(plan.compilerOptions['moduleResolution']);
  it(`Types (${resolution})`, async () => {
    expect(await getConsumer().compile(app)).toEqual([]);
  });

  for (const node of nodeBinaries()) {
    describe(`Node ${node.version}`, () => {
      const check = (title: string, run: (consumer: Consumer) => Promise<void>): void => {
        const limit = limits.find((one) => one.app === app && one.check === title && one.applies(node));
        if (limit === undefined) it(title, () => run(getConsumer()));
        else {
          it(`${title}: fails, since ${limit.why}`, () => expectFailure(run(getConsumer()), limit));
        }
      };
      for (const platform of ['Express', 'Fastify']) {
        check(platform, (consumer) => bootAndSend(consumer, app, node, platform));
      }
      for (const [title, jest] of Object.entries(plan.jest)) {
        check(title, (consumer) => runJest(consumer, app, node, title, jest));
      }
      for (const [title, vitest] of Object.entries(plan.vitest)) {
        check(title, (consumer) => runVitest(consumer, app, node, vitest));
      }
      if (documented) check('Swagger and Terminus', (consumer) => describeItself(consumer, app, node));
      check('Command rtc-emulator', async (consumer) => {
        expect(
          await consumer.run(app, node.path, [consumer.installed('.bin/rtc-emulator'), '--help']),
        ).toContain('Usage: rtc-emulator');
      });
    });
  }
}

async function bootAndSend(
  consumer: Consumer,
  app: string,
  node: NodeBinary,
  platform: string,
): Promise<void> {
  const output = await consumer.run(app, node.path, ['dist/main.js', platform]);
  expect(JSON.parse(output)).toEqual({
    node: `v${node.version}`,
    platform: platform.toLowerCase(),
    outcome: 'accepted',
    status: 200,
    received: ['from the service', 'from the controller'],
    answer: 'alice said hello',
    rows: ['guarded', 'bob came', 'closed'],
  });
}

/** Where the packages that are optional are installed. */
async function describeItself(consumer: Consumer, app: string, node: NodeBinary): Promise<void> {
  const output = await consumer.run(app, node.path, ['dist/documented.js']);
  const { document, status, health } = JSON.parse(output) as {
    document: { paths: object; components: object };
    status: number;
    health: unknown;
  };
  expect(await new Validator().validate(document)).toMatchObject({ valid: true });
  const send = '/rtc/rooms/{roomId}/unicast';
  expect(Object.keys(document.paths).sort()).toEqual(['/announcements', '/health', send]);
  expect(document.paths).toHaveProperty([send, 'post', 'responses', '429', 'headers', 'Retry-After']);
  expect(document.components).toMatchObject({
    schemas: {
      BatchSendRoomUnicastDto: {
        required: ['roomId', 'to', 'message'],
        properties: { to: { type: 'array', maxItems: 600 } },
      },
    },
  });
  expect(status).toBe(200);
  expect(health).toMatchObject({
    status: 'ok',
    details: { rtc: { status: 'up', credentials: { state: 'fixed' } } },
  });
}

async function runJest(
  consumer: Consumer,
  app: string,
  node: NodeBinary,
  title: string,
  { vmModules }: JestPlan,
): Promise<void> {
  const report = await consumer.run(app, node.path, [
    ...(vmModules ? ['--experimental-vm-modules'] : []),
    consumer.installed('jest/bin/jest.js'),
    '--json',
    '--config',
    `${title}.json`,
  ]);
  expectPassed(report, OWN_TESTS + DOCUMENTED_TESTS);
}

async function runVitest(
  consumer: Consumer,
  app: string,
  node: NodeBinary,
  { folder, dependencies, pattern }: VitestPlan,
): Promise<void> {
  const tool = 'vitest/vitest.mjs';
  const report = await consumer.run(app, node.path, [
    dependencies === undefined ? consumer.installed(tool) : `${folder}/node_modules/${tool}`,
    'run',
    '--reporter=json',
    // As stock apps have it.
    '--globals',
    `--dir=${folder}`,
    ...(pattern === undefined ? [] : [`--testNamePattern=${pattern}`]),
  ]);
  const all = dependencies === undefined ? OWN_TESTS + DOCUMENTED_TESTS : OWN_TESTS;
  expectPassed(report, pattern === undefined ? all : 1);
}

/** Jest and Vitest report in the same form. */
function expectPassed(report: string, tests: number): void {
  const { success, numPassedTests } = JSON.parse(report) as { success: boolean; numPassedTests: number };
  expect({ success, numPassedTests }).toEqual({ success: true, numPassedTests: tests });
}

async function expectFailure(running: Promise<void>, { app, check, message }: KnownLimit): Promise<void> {
  const failure = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure === undefined) {
    throw new Error(
      `${app}, ${check}: works now; take it out of the known limits, and out of docs/compatibility.md`,
    );
  }
  expect(String(failure)).toContain(message);
}
