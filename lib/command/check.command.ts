import type { Command } from 'commander';
import { styleText } from 'node:util';
import type { RtcMessagingOptions } from '../index.js';
import type { Finding } from './check-steps.js';
import type { EnvironmentNotes } from './environment.js';
import { printJson, withEnvironment } from './run-command.js';
import { isConfirmed } from './terminal.js';

interface CheckArguments {
  readonly send?: true;
  readonly quota?: true;
  readonly from?: string;
  readonly yes?: true;
  readonly json?: true;
}

const MARKS: Readonly<Record<Finding['status'], string>> = {
  ok: styleText('green', '✔'),
  warning: styleText('yellow', '!'),
  failed: styleText('red', '✖'),
  unknown: styleText('yellow', '?'),
  skipped: styleText('gray', '-'),
};
/** Of the longest name. */
const WIDTH = 11;

export function defineCheck(command: Command): Command {
  command
    .description(
      'Finds out whether this is set up right, without sending anything. The exit code is 1 if something is wrong.',
    )
    .option('--send', 'send one message to a user who is not there, in a room that no one is in')
    .option('--quota', 'find out whether requests or recipients are counted; spends a second of the quota')
    .option('--from <id>', 'sender that clients see (default: RTC_FROM)')
    .option('--yes', 'spend the quota without asking');
  return withEnvironment(command, check);
}

const QUOTA_QUESTION =
  '--quota sends three large batches to users who are not there, which takes up to a second of the quota from whoever else uses the account. Go on?';

async function check(
  { send, quota, from, yes, json }: CheckArguments,
  { warnings, missing }: EnvironmentNotes,
): Promise<void> {
  const { checkSetup } = await import('./check-setup.js');
  const found = await checkSetup({ from }, send);
  const isUnset = found.some(({ step, status }) => step === 'settings' && status === 'failed');
  const notes = [...(isUnset ? missing : []), ...warnings];
  const findings: Finding[] = [];
  const add = (...added: readonly Finding[]): void => {
    findings.push(...added);
    if (!json) process.stdout.write(added.map(lineOf).join(''));
  };
  const isRight = (): boolean => findings.every(({ status }) => status !== 'failed');
  add(...notes.map((message): Finding => ({ step: 'settings', status: 'warning', message })), ...found);
  if (quota) add(await checkQuota(isRight(), { from }, yes));
  if (json) printJson({ ok: isRight(), findings });
  process.exitCode = isRight() ? 0 : 1;
}

async function checkQuota(mayAsk: boolean, options: RtcMessagingOptions, yes?: true): Promise<Finding> {
  const skipped = { step: 'quota', status: 'skipped', message: 'not checked' } as const;
  if (!mayAsk) return skipped;
  try {
    if (!yes && !(await isConfirmed(QUOTA_QUESTION))) return skipped;
  } catch (error) {
    return { step: 'quota', status: 'failed', message: (error as Error).message };
  }
  const { probeQuota } = await import('./probe-quota.js');
  return probeQuota(options);
}

function lineOf({ step, status, message }: Finding): string {
  // One line each, whatever an answer says.
  return `${MARKS[status]} ${step.padEnd(WIDTH)} ${message.replaceAll(/\s+/g, ' ')}\n`;
}
