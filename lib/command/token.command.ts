import type { Command } from 'commander';
import type { JoinTokenRequest, TokenPrivilege } from '../index.js';
import { readNumber } from './run-command.js';
import { loadEnvironment, noEnvironment } from './terminal.js';

interface TokenArguments {
  readonly user: string;
  readonly room?: string;
  readonly anyRoom?: true;
  readonly login?: true;
  readonly expires: number;
  readonly allow?: readonly TokenPrivilege[];
  readonly json?: true;
  readonly env?: string;
}

export function defineToken(command: Command): Command {
  return command
    .description(
      'Issues a token with which a client joins a room, or logs in. It needs RTC_APP_ID and RTC_APP_KEY.',
    )
    .requiredOption('--user <id>', 'whom it is for')
    .option('--room <id>', 'to join')
    .option('--any-room', 'to join any room of the app')
    .option('--login', 'to log in, and to join no room')
    .option('--expires <seconds>', 'how long it is good for', readNumber, 3_600)
    .option(
      '--allow <privileges...>',
      'in the room: publish, subscribe, or both; subscribe unless it is given',
    )
    .option('--json', 'prints { token }')
    .option('--env <file>', 'with variables; .env unless it is given')
    .action(issue);
}

async function issue({ user, room, anyRoom, login, expires, ...others }: TokenArguments): Promise<void> {
  const { allow, json, env } = others;
  if ([room, anyRoom, login].filter((what) => what !== undefined).length !== 1)
    throw new TypeError('give one of --room, --any-room and --login');
  if (login && allow !== undefined) throw new TypeError('--allow is for --room and --any-room');
  const isRead = loadEnvironment(env);
  const [{ RtcTokenService }, { withApp }] = await Promise.all([
    import('../index.js'),
    import('./with-app.js'),
  ]);
  const request = { userId: user, expiresInSeconds: expires };
  // Tokens are signed with the app key, so that no access key is asked for.
  const noAccessKey = {
    credentials: (): never => {
      throw new Error('A token needs no access key.');
    },
  };
  const token = await withApp(noAccessKey, async (app) => {
    const tokens = app.get(RtcTokenService, { strict: false });
    return login
      ? tokens.issueLoginToken(request)
      : tokens.issueJoinToken({
          ...request,
          roomId: room,
          anyRoom,
          privileges: allow ?? ['subscribe'],
        } as JoinTokenRequest);
  }).catch((error: Error & { readonly code?: string }): never => {
    if (error.code !== 'RTC_CONFIG' || isRead) throw error;
    throw new Error(`${error.message}\n  - ${noEnvironment()}`);
  });
  process.stdout.write(json ? `${JSON.stringify({ token })}\n` : `${token}\n`);
}
