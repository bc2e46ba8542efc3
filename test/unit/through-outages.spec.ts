import { describe, expect, it } from '@jest/globals';
import { ReplyError } from 'ioredis';
import { throughOutages } from '../../lib/bullmq/through-outages.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { rejectionOf } from '../support/rejection.js';

/** Fails with each of these in turn. @returns how often it was tried, or what it failed with in the end */
async function tryWith(messages: readonly string[], closing = new Cancellation()): Promise<number | Error> {
  const left = [...messages];
  let tried = 0;
  const work = (): Promise<number> => {
    tried += 1;
    const message = left.shift();
    return message === undefined ? Promise.resolve(tried) : Promise.reject(new ReplyError(message));
  };
  return throughOutages(work, closing).catch((error: Error) => error);
}

const OUTAGES = [
  "READONLY You can't write against a read only replica.",
  "ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -READONLY You can't write",
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 3999 127.0.0.1:6381',
  'CLUSTERDOWN The cluster is down',
  'NOREPLICAS Not enough good replicas to write.',
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'LOADING Redis is loading the dataset in memory',
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
  'Connection is closed.',
  'Command aborted due to connection close',
  'None of startup nodes is available',
  'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys',
];

describe('a command to Redis', () => {
  it.each(OUTAGES)('is repeated after %p', async (message) => {
    expect(await tryWith([message, message])).toBe(3);
  });

  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'NOPERM this user has no permissions',
    'ERR syntax',
  ])('fails with %p, which is an answer', async (message) => {
    expect(await tryWith([message])).toMatchObject({ message });
  });

  it('is not repeated once the connection is closed for good, and waits no longer for an answer', async () => {
    const closing = new Cancellation();
    const failing = tryWith(['Connection is closed.', 'Connection is closed.'], closing);
    const waiting = throughOutages(() => new Promise(() => undefined), closing);
    closing.cancel();
    expect(await failing).toBeInstanceOf(Error);
    expect(await rejectionOf(waiting)).toBeInstanceOf(Error);
  });

  it('fails with any error that is not of Redis', async () => {
    const work = (): Promise<never> => Promise.reject(new TypeError('a bug'));
    const thrown = throughOutages(work, new Cancellation());
    expect(await rejectionOf(thrown)).toBeInstanceOf(TypeError);
  });
});
