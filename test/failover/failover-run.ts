import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtcMessagingOptions } from 'nestjs-rtc-messaging';
import type { DurableFanOutReport } from 'nestjs-rtc-messaging/bullmq';
import { type FailoverSite, untilPromoted } from '../support/failover-sites.js';
import { ownPrefix, startQueueApp } from '../support/fan-out-queue.js';
import { firstMessage, forkProgram, kill } from '../support/processes.js';
import type { StartedRedis } from '../support/redis.js';
import type { CrashReport } from '../durable/crash-run.js';

const PROCESSES = join(import.meta.dirname, '../durable/processes');
const REQUEST = { id: 'failover', roomId: 'room-1', message: 'hello' };
const WORKERS = 2;
const POLL_MS = 50;
/** When nothing has been accepted for so long, it is over. */
const QUIET_MS = 20_000;
/** The workers must have the whole quota again so long after a failover. */
const SETTLING_MS = 5_000;

export interface FailoverPlan {
  readonly site: FailoverSite;
  /** What happens to the primary, and how it ends. */
  readonly outage: (primary: StartedRedis, site: FailoverSite) => Promise<void>;
  readonly recipients: number;
  /** Of the account, which the workers share over the same Redis. */
  readonly requestsPerSecond: number;
  readonly chunkSize: number;
}

/** What came of a run, by the library's account and by the emulator's. */
export interface FailoverReport {
  readonly report: DurableFanOutReport;
  readonly unaccepted: ReadonlyMap<string, string>;
  readonly emulator: CrashReport['emulator'];
  /** The longest time between two requests that were accepted. */
  readonly longestPauseMs: number;
  /** The longest time without any since another primary was promoted. */
  readonly pauseAfterMs: number;
  /** How many recipients a second were accepted from `SETTLING_MS` after the promotion on, for as long. */
  readonly rateAfter: number;
}

/** A fan-out in whose midst Redis fails over, as does the quota that its workers share. */
export async function runFailover({
  site,
  outage,
  recipients,
  requestsPerSecond,
  chunkSize,
}: FailoverPlan): Promise<FailoverReport> {
  const children: ChildProcess[] = [];
  const fork = (file: string, settings: object): ChildProcess => {
    const child = forkProgram(join(PROCESSES, file), settings);
    children.push(child);
    return child;
  };
  const { connection } = site;
  const prefix = ownPrefix();
  const watcher = await startQueueApp(connection, { prefix, role: 'producer' });
  try {
    const emulator = fork('emulator.mjs', { quota: { requestsPerSecond } });
    const { moduleOptions } = await firstMessage<{ moduleOptions: RtcMessagingOptions }>(emulator);
    const account = async (users: number): Promise<CrashReport['emulator']> => {
      emulator.send({ message: REQUEST.message, users });
      const [told] = (await once(emulator, 'message')) as [CrashReport['emulator']];
      return told;
    };
    const workers = Array.from({ length: WORKERS }, () =>
      fork('worker.mjs', {
        connection,
        queue: { prefix, concurrency: 8 },
        rtc: { ...moduleOptions, quota: { requestsPerSecond } },
        sharedQuota: { connection, account: prefix },
      }),
    );
    await Promise.all(workers.map((worker) => firstMessage(worker)));
    fork('producer.mjs', {
      connection,
      queue: { prefix },
      ...REQUEST,
      users: recipients,
      chunkSize,
    });
    const accepted = async (): Promise<number> => (await account(0)).accepted;
    while ((await accepted()) < recipients / 20) await sleep(POLL_MS);

    const promoted = untilPromoted(site.all).then(() => performance.now());
    const happening = site.primaryOf(prefix).then((primary) => outage(primary, site));
    const over = happening.then(() => true);
    let last = { count: await accepted(), at: performance.now() };
    const seen = [last];
    while (last.count < recipients) {
      if (performance.now() - last.at > QUIET_MS && (await Promise.race([over, false]))) break;
      await sleep(POLL_MS);
      const count = await accepted();
      if (count === last.count) continue;
      last = { count, at: performance.now() };
      seen.push(last);
    }
    await happening;
    const from = await promoted;
    const handle = await watcher.queue.get(REQUEST.id);
    if (handle === undefined) throw new Error('The fan-out is gone');
    const report = await handle.result({ timeoutMs: 60_000 });
    const unaccepted = new Map<string, string>();
    for await (const { userId, outcome } of handle.unaccepted()) unaccepted.set(userId, outcome);
    return {
      report,
      unaccepted,
      emulator: await account(recipients),
      longestPauseMs: longestPause(seen, 0),
      pauseAfterMs: longestPause(seen, from),
      rateAfter: rate(seen, from + SETTLING_MS, from + 2 * SETTLING_MS),
    };
  } finally {
    await Promise.all(children.map(kill));
    await watcher.close();
  }
}

/** How many recipients had been accepted at a time of this process. */
interface Seen {
  readonly count: number;
  readonly at: number;
}

function longestPause(seen: readonly Seen[], from: number): number {
  return Math.max(...seen.map(({ at }, index) => at - Math.max(from, seen[index - 1]?.at ?? at)));
}

/** @returns recipients a second */
function rate(seen: readonly Seen[], from: number, to: number): number {
  const within = seen.filter(({ at }) => at >= from && at <= to);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || first === last) return 0;
  return ((last.count - first.count) * 1_000) / (last.at - first.at);
}
