#!/usr/bin/env node
import { defineEmulator } from './emulator.command.js';
import { runCommand } from './run-command.js';

await runCommand('rtc-emulator', defineEmulator);
