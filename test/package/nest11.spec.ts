import { JEST_OF_ES_MODULES } from '../support/consumer.js';
import { describeConsumer } from '../support/consumer-suite.js';

describeConsumer('Nest 11', {
  dependencies: {
    '@jest/globals': '^30.0.0',
    '@nestjs/common': '^11.0.0',
    // Version 12 takes Nest 11 too, but is of ES modules alone, which plain Jest can't load.
    '@nestjs/config': '^4.0.0',
    '@nestjs/core': '^11.0.0',
    '@nestjs/platform-express': '^11.0.0',
    '@nestjs/platform-fastify': '^11.0.0',
    '@nestjs/swagger': '^11.0.0',
    '@nestjs/terminus': '^11.0.0',
    '@nestjs/testing': '^11.0.0',
    '@types/express': '^5.0.0',
    '@types/node': '^20.19.0',
    'class-transformer': '^0.5.1',
    'class-validator': '^0.14.0',
    jest: '^30.0.0',
    'reflect-metadata': '^0.2.2',
    rxjs: '^7.8.0',
    'ts-jest': '^29.4.0',
    typescript: '~5.9.0',
    vite: '^8.0.0',
    vitest: '^4.0.0',
  },
  apps: {
    'ES modules': {
      type: 'module',
      // The resolution of apps that are bundled. The declarations are looked into below, where they are the same.
      compilerOptions: { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true },
      vitest: { Vitest: { folder: 'vitest' } },
      jest: { Jest: JEST_OF_ES_MODULES },
    },
    CommonJS: {
      type: 'commonjs',
      // The resolution of older apps, which doesn't know of "exports".
      compilerOptions: {
        module: 'commonjs',
        moduleResolution: 'node10',
        esModuleInterop: true,
        skipLibCheck: false,
      },
      vitest: { Vitest: { folder: 'vitest' } },
      jest: { Jest: { vmModules: false, config: { transform: { '\\.ts$': 'ts-jest' } } } },
    },
  },
});
