import type { Command } from 'commander';
import type { Finding, StepStatus } from './check-steps.js';
import { isConfirmed, loadEnvironment, noEnvironment, styled } from './terminal.js';

interface CheckArguments {
  readonly send?: true;
  readonly quota?: true;
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
    .option('--send', 'sends one message to a user who is not there, into a room that no one is in')
    .option('--quota', 'finds out whether requests or recipients are counted; spends a second of the quota')
    .option('--yes', 'does not ask before --quota')
    .option('--json', 'prints { ok, findings }')
    .option('--env <file>', 'with variables; .env unless it is given')
    .action(check);
}

const QUOTA_QUESTION =
  '--quota sends three large batches to users who are not there, which takes up to a second of the quota from whoever else uses the account. Go on?';

async function check({ send, quota, yes, json, env }: CheckArguments): Promise<void> {
  const isRead = loadEnvironment(env);
  const mayProbe = quota === true && (yes === true || (await isConfirmed(QUOTA_QUESTION)));
  const { checkSetup } = await import('./check-setup.js');
  const findings = await checkSetup({}, send);
  const ok = findings.every(({ status }) => status !== 'failed');
  const isUnset = findings.some(({ step, status }) => step === 'settings' && status === 'failed');
  if (isUnset && !isRead) {
    findings.unshift({ step: 'settings', status: 'warning', message: noEnvironment() });
  }
  if (mayProbe && ok) {
    const { probeQuota } = await import('./probe-quota.js');
    findings.push(await probeQuota({}));
  } else if (quota) findings.push({ step: 'quota', status: 'skipped', message: 'not checked' });
  process.stdout.write(
    json ? `${JSON.stringify({ ok, findings }, null, 2)}\n` : findings.map(lineOf).join(''),
  );
  process.exitCode = ok ? 0 : 1;
}

function lineOf({ step, status, message }: Finding): string {
  const [mark, style] = MARKS[status];
  // One line each, whatever an answer says.
  return `${styled(style, mark)} ${step.padEnd(WIDTH)} ${message.replaceAll(/\s+/g, ' ')}\n`;
}
