import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { JEST_OF_ES_MODULES } from '../support/consumer.js';
import { describeConsumer } from '../support/consumer-suite.js';
import { NEST_12_LIMITS } from '../support/known-limits.js';
import { FULL_MATRIX } from '../support/node-binaries.js';
import { snippetsIn } from '../support/markdown.js';

/** `strict-types` looks into the library's declarations under Nest 12, for both of these and more, which takes longest. */
const NODENEXT = { module: 'nodenext', moduleResolution: 'nodenext', skipLibCheck: true };

/** The last that compiles TypeScript with esbuild. */
const VITE_7 = { vite: '^7.0.0', vitest: '^4.0.0' };

const page = await readFile(resolve(import.meta.dirname, '../../docs/compatibility.md'), 'utf8');
/** What the page tells apps of CommonJS to do. */
const TESTS_AS_ES_MODULES = JSON.parse(
  snippetsIn(page).find(({ language }) => language === 'json')?.text ?? '',
) as Record<string, unknown>;

describeConsumer(
  'Nest 12',
  {
    dependencies: {
      '@jest/globals': '^30.0.0',
      '@nestjs/common': '^12.0.0',
      '@nestjs/config': '^12.0.0',
      '@nestjs/core': '^12.0.0',
      '@nestjs/platform-express': '^12.0.0',
      '@nestjs/platform-fastify': '^12.0.0',
      '@nestjs/testing': '^12.0.0',
      '@types/express': '^5.0.0',
      '@types/node': '^20.19.0',
      'class-transformer': '^0.5.1',
      'class-validator': '^0.15.0',
      jest: '^30.0.0',
      'reflect-metadata': '^0.2.2',
      rxjs: '^7.8.0',
      'ts-jest': '^29.4.0',
      typescript: '~6.0.0',
      vite: '^8.0.0',
      vitest: '^4.0.0',
    },
    apps: {
      'ES modules': {
        type: 'module',
        compilerOptions: NODENEXT,
        vitest: {
          Vitest: { folder: 'vitest' },
          ...(FULL_MATRIX && {
            'Vitest on Vite 7': { folder: 'vite-7', dependencies: VITE_7 },
            'Vitest on Vite 7, with @Inject': { folder: 'vite-7', dependencies: VITE_7, pattern: '@Inject' },
          }),
        },
        jest: { Jest: JEST_OF_ES_MODULES },
      },
      CommonJS: {
        type: 'commonjs',
        compilerOptions: NODENEXT,
        vitest: { Vitest: { folder: 'vitest' } },
        jest: {
          Jest: { vmModules: true, config: { transform: { '\\.ts$': 'ts-jest' } } },
          'Jest, tests as ES modules': {
            vmModules: true,
            config: TESTS_AS_ES_MODULES,
          },
        },
      },
    },
  },
  NEST_12_LIMITS,
);
