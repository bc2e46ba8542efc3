#!/usr/bin/env node
import { Command } from 'commander';
import { defineEmulator } from './emulator.command.js';
import { runCommand, withOneLineErrors } from './run-command.js';

await runCommand(defineEmulator(withOneLineErrors(new Command('rtc-emulator'))));
