const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    target: 'es2022',
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

/** The suites run the sources as ES modules; only `test/package` and `test/docs` look at what is built. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/sample/02-console/test'],
  testMatch: ['**/*.spec.ts'],
  // These run in the apps that they are copied or written to.
  testPathIgnorePatterns: [
    '<rootDir>/test/package/consumer/',
    '<rootDir>/test/docs/snippets/',
    '<rootDir>/test/docs/page-snippets/',
    // Minutes of waiting for failovers, or of a processor's work: `npm run test:crash`.
    ...(process.env.FAILOVERS
      ? []
      : [
          '<rootDir>/test/failover/',
          '<rootDir>/test/redis/processes.spec.ts',
          '<rootDir>/test/package/callbacks-memory.spec.ts',
        ]),
    // A minute of installing: `npm run test:compat`.
    ...(process.env.COMPAT_NODES ? [] : ['<rootDir>/test/package/stock-apps.spec.ts']),
  ],
  extensionsToTreatAsEsm: ['.ts', '.lua'],
  transform: { '\\.ts$': ['@swc/jest', swc], '\\.lua$': '<rootDir>/scripts/lua-module.mjs' },
  moduleNameMapper: {
    '^nestjs-rtc-messaging$': '<rootDir>/lib/index.ts',
    '^nestjs-rtc-messaging/emulator$': '<rootDir>/lib/emulator/index.ts',
    '^nestjs-rtc-messaging/redis$': '<rootDir>/lib/redis/index.ts',
    '^nestjs-rtc-messaging/bullmq$': '<rootDir>/lib/bullmq/index.ts',
    '^nestjs-rtc-messaging/callbacks$': '<rootDir>/lib/callbacks/index.ts',
    '^nestjs-rtc-messaging/receipts$': '<rootDir>/lib/receipts/index.ts',
    '^nestjs-rtc-messaging/receiver$': '<rootDir>/lib/receiver/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  setupFiles: ['reflect-metadata'],
  // One more than CI has cores, since many suites mostly wait.
  maxWorkers: 3,
  // A worker keeps something of every suite that it has run. Jest looks at its heap alone: with 100 MB of that, a
  // worker has some 270 MB in all, and the largest suites add up to 240 MB before Jest looks again.
  workerIdleMemoryLimit: '100MB',
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  // Far beyond what any test or hook takes, however busy the machine is: this is for what hangs. So nearly none has a
  // limit of its own.
  testTimeout: 300_000,
};
