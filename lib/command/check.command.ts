import type { Command } from 'commander';
import { styleText } from 'node:util';
import type { RtcMessagingOptions } from '../index.js';
import type { Finding } from './check-setup.js';
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

const QUOTA_QUESTION =
  '--quota sends three large batches to users who are not there, which takes up to a second of the quota from whoever else uses the account. Go on?';

export function defineCheck(command: Command): Command {
  command
    .description('Finds out whether this is set up right, without sending anything. If not, it exits with 1.')
    .option('--send', 'send one message to a user who is not there, in a room that no one is in')
    .option('--quota', 'find out whether requests or recipients are counted; spends a second of the quota')
    .option('--from <id>', 'sender that clients see (default: RTC_FROM)')
    .option('--yes', 'spend the quota without asking');
  return withEnvironment(command, check);
}

async function check(given: CheckArguments, notes: readonly string[]): Promise<void> {
  const { checkSetup } = await import('./check-setup.js');
  const { send, quota, from, yes, json } = given;
  const findings: Finding[] = [];
  const add = (finding: Finding): void => {
    findings.push(finding);
    // One line each, whatever an answer says.
    const line = `${finding.step.padEnd(WIDTH)} ${finding.message.replaceAll(/\s+/g, ' ')}`;
    if (!json) process.stdout.write(`${MARKS[finding.status]} ${line}\n`);
  };
  const isRight = (): boolean => findings.every(({ status }) => status !== 'failed');
  for (const message of notes) add({ step: 'settings', status: 'warning', message });
  for (const finding of await checkSetup({ from }, send)) add(finding);
  if (quota) add(isRight() ? await checkQuota({ from }, yes) : NOT_CHECKED);
  if (json) printJson({ ok: isRight(), findings });
  process.exitCode = isRight() ? 0 : 1;
}

const NOT_CHECKED = { step: 'quota', status: 'skipped', message: 'not checked' } as const;

async function checkQuota(options: RtcMessagingOptions, yes?: true): Promise<Finding> {
  try {
    if (!yes && !(await isConfirmed(QUOTA_QUESTION))) return NOT_CHECKED;
  } catch (error) {
    return { step: 'quota', status: 'failed', message: (error as Error).message };
  }
  const { probeQuota } = await import('./probe-quota.js');
  return probeQuota(options);
}
