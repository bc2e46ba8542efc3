import type { Command } from 'commander';
import type { JoinTokenRequest, TokenPrivilege } from '../index.js';
import { printJson, readNumber, withEnvironment } from './run-command.js';

interface TokenArguments {
  readonly user: string;
  readonly room?: string;
  readonly anyRoom?: true;
  readonly login?: true;
  readonly expires: number;
  readonly allow?: readonly TokenPrivilege[];
  readonly json?: true;
}

export function defineToken(command: Command): Command {
  command
    .description('Issues a token with which a client joins a room, or logs in. It needs RTC_APP_KEY.')
    .requiredOption('--user <id>', 'user of the token')
    .option('--room <id>', 'room that the user may join')
    .option('--any-room', 'let the user join any room of the app')
    .option('--login', 'let the user log in, and join no room')
    .option('--expires <seconds>', 'time until the token expires', readNumber, 3_600)
    .option('--allow <privileges...>', 'rights in the room: publish, subscribe or both (default: subscribe)');
  return withEnvironment(command, issue);
}

async function issue({ user, room, anyRoom, login, expires, allow, json }: TokenArguments): Promise<void> {
  if ([room, anyRoom, login].filter((what) => what !== undefined).length !== 1)
    throw new TypeError('give one of --room, --any-room and --login');
  if (login && allow !== undefined) throw new TypeError('--allow is for --room and --any-room');
  const { withApp, RtcTokenService } = await import('./with-app.js');
  const request = { userId: user, expiresInSeconds: expires };
  const join = { ...request, roomId: room, anyRoom, privileges: allow ?? ['subscribe'] };
  // The app key is given here, so that it is reported with all else that is missing. An access key is not needed.
  const options = { appKey: process.env['RTC_APP_KEY'] ?? '', credentials: () => Promise.reject() };
  const token = await withApp(options, (app) => {
    const tokens = app.get(RtcTokenService);
    return login ? tokens.issueLoginToken(request) : tokens.issueJoinToken(join as JoinTokenRequest);
  });
  if (json) printJson({ ok: true, token });
  else process.stdout.write(`${token}\n`);
}
