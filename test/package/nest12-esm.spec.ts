import { describeConsumer } from '../support/consumer-suite.js';

describeConsumer('a Nest 12 app of ES modules', {
  type: 'module',
  dependencies: {
    '@jest/globals': '^30.0.0',
    '@nestjs/common': '^12.0.0',
    '@nestjs/config': '^12.0.0',
    '@nestjs/core': '^12.0.0',
    '@nestjs/platform-express': '^12.0.0',
    '@nestjs/testing': '^12.0.0',
    '@types/node': '^20.19.0',
    'class-transformer': '^0.5.1',
    'class-validator': '^0.15.0',
    jest: '^30.0.0',
    'reflect-metadata': '^0.2.2',
    rxjs: '^7.8.0',
    'ts-jest': '^29.4.0',
    typescript: '~6.0.0',
  },
  compilerOptions: { module: 'nodenext', moduleResolution: 'nodenext', skipLibCheck: false },
  jest: {
    extensionsToTreatAsEsm: ['.ts'],
    transform: { '\\.ts$': ['ts-jest', { useESM: true }] },
  },
});
