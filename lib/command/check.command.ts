import type { Command } from 'commander';
import type { RtcMessagingOptions } from '../index.js';
import type { Finding, StepStatus } from './check-steps.js';
import { loadEnvironment, notesOn } from './environment.js';
import { printJson } from './run-command.js';
import { isConfirmed, styled } from './terminal.js';

interface CheckArguments {
  readonly send?: true;
  readonly quota?: true;
  readonly from?: string;
  readonly yes?: true;
  readonly json?: true;
  readonly env?: string;
}

const MARKS: Readonly<Record<StepStatus, readonly [mark: string, style: Parameters<typeof styled>[0]]>> = {
  ok: ['✔', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✖', 'red'],
  unknown: ['?', 'yellow'],
  skipped: ['-', 'gray'],
};
/** Of the longest name. */
const WIDTH = 11;

export function defineCheck(command: Command): Command {
  return command
    .description(
      'Finds out whether this is set up right, without sending anything. The exit code is 1 if something is wrong.',
    )
    .option('--send', 'send one message to a user who is not there, in a room that no one is in')
    .option('--quota', 'find out whether requests or recipients are counted; spends a second of the quota')
    .option('--from <id>', 'sender that clients see (default: RTC_FROM)')
    .option('--yes', 'spend the quota without asking')
    .option('--json', 'print { ok, findings } or { ok, error }')
    .option('--env <file>', 'file with variables (default: .env)')
    .action(check);
}

const QUOTA_QUESTION =
  '--quota sends three large batches to users who are not there, which takes up to a second of the quota from whoever else uses the account. Go on?';

async function check({ send, quota, from, yes, json, env }: CheckArguments): Promise<void> {
  const environment = loadEnvironment(env);
  const { checkSetup } = await import('./check-setup.js');
  const found = await checkSetup({ from }, send);
  const isUnset = found.some(({ step, status }) => step === 'settings' && status === 'failed');
  const notes = notesOn(environment, isUnset);
  const findings: Finding[] = [
    ...notes.map((message): Finding => ({ step: 'settings', status: 'warning', message })),
    ...found,
  ];
  const show = (shown: readonly Finding[]): void => {
    if (!json) process.stdout.write(shown.map(lineOf).join(''));
  };
  show(findings);
  if (quota) {
    const finding = await checkQuota(isRight(findings), { from }, yes);
    findings.push(finding);
    show([finding]);
  }
  const ok = isRight(findings);
  if (json) printJson({ ok, findings });
  process.exitCode = ok ? 0 : 1;
}

function isRight(findings: readonly Finding[]): boolean {
  return findings.every(({ status }) => status !== 'failed');
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
  const [mark, style] = MARKS[status];
  // One line each, whatever an answer says.
  return `${styled(style, mark)} ${step.padEnd(WIDTH)} ${message.replaceAll(/\s+/g, ' ')}\n`;
}
