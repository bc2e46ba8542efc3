#!/usr/bin/env node
import { createRequire } from 'node:module';
import { defineCheck } from './check.command.js';
import { defineEmulator } from './emulator.command.js';
import { defineSend } from './send.command.js';
import { defineToken } from './token.command.js';
import { runCommand } from './run-command.js';

const NAME = 'nestjs-rtc-messaging';
const { version } = createRequire(import.meta.url)(`${NAME}/package.json`) as { readonly version: string };

await runCommand(NAME, (program) => {
  defineEmulator(program.version(version).command('emulator'));
  defineCheck(program.command('check'));
  defineSend(program.command('send'));
  defineToken(program.command('token'));
});
