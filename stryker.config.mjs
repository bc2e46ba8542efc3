import jestConfig from './jest.config.mjs';

/**
 * Mutation testing: each mutant is a small change to the code that some test must notice. `npm run test:mutation`
 * takes an hour or more; `-- --mutate "lib/quota/**"` looks at one folder. A mutant is shown to the suites that
 * import its folder's files by themselves. A run goes by the results of the one before it, unless `-- --force` is
 * given.
 */
export default {
  packageManager: 'npm',
  testRunner: 'jest',
  mutate: ['lib/{openapi,retry,quota,fan-out,dto}/**/*.ts'],
  // Jest loads ES modules only behind this flag.
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: {
    config: {
      ...jestConfig,
      testMatch: ['<rootDir>/test/unit/**/*.spec.ts', '<rootDir>/test/e2e/open-api-client.spec.ts'],
      // They simulate for many seconds what the other suites of the quota say in less than one.
      testPathIgnorePatterns: [
        '<rootDir>/test/unit/adapting.spec.ts',
        '<rootDir>/test/unit/quota-property.spec.ts',
      ],
    },
  },
  coverageAnalysis: 'perTest',
  incremental: true,
  incrementalFile: 'reports/mutation/incremental.json',
  // A busy machine must not be taken for a mutant that never ends.
  timeoutMS: 8_000,
  concurrency: 2,
  // Each mutant loads its tests anew, and Jest keeps something of each.
  maxTestRunnerReuse: 60,
  reporters: ['clear-text', 'html', 'json'],
  clearTextReporter: { allowEmojis: false, logTests: false, reportTests: false },
  ignorePatterns: ['dist', 'build', 'api', 'bench', 'reports', 'sample/*/dist'],
  tempDirName: '.stryker-tmp',
  thresholds: { high: 95, low: 85, break: 85 },
};
