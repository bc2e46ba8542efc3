import type { TestingModule } from '@nestjs/testing';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type OnUnknown,
  type RoomUnicastService,
  RtcMessagingError,
  type RtcMessagingOptions,
  type SendReceipt,
} from 'nestjs-rtc-messaging';
import type { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { leaksIn } from '../support/printed.js';
import { createService } from '../support/service.js';
import {
  type Emulators,
  FAULT_MIX,
  MANY_APPS,
  type FaultyPlace,
  startEmulators,
  TIMEOUT_MS,
  TOKENS,
} from './fault-mix.js';

/** The sends of one kind, as the client told them. */
export interface FaultRow {
  sends: number;
  accepted: number;
  rejected: number;
  unknown: number;
  not_attempted: number;
  retries: number;
  /** Messages that the emulator accepted more than once. */
  doubled: number;
}

export interface FaultReport {
  readonly rows: ReadonlyMap<string, FaultRow>;
  /** Whatever the client said that was not so. Empty if it is as good as its word. */
  readonly lies: readonly string[];
  /** What should not have been printed. */
  readonly leaks: readonly string[];
  readonly seconds: number;
}

interface Told {
  readonly place: FaultyPlace;
  readonly roomId: string;
  readonly onUnknown: OnUnknown;
  readonly outcome: SendReceipt['outcome'] | RtcMessagingError['outcome'];
  readonly possibleDuplicate: boolean;
  readonly attempts: number;
}

/** A client's retry budget is a hundred; so many sends each have enough of it to try again. */
const SENDS_PER_CLIENT = 1_000;

/** Sends messages over a mix of all faults, then holds what was told against what the emulators accepted. */
export async function runFaults(sends: number, seed: number, concurrency = 96): Promise<FaultReport> {
  const started = performance.now();
  const { emulators, ca, close } = await startEmulators(seed);
  const random = seededRandom(seed);
  const plan = Array.from({ length: sends }, (_none, index) => ({
    roomId: `room-${index}`,
    place: FAULT_MIX[Math.floor(random() * FAULT_MIX.length)] as FaultyPlace,
    onUnknown: random() < 0.5 ? ('report' as const) : ('resend' as const),
    times: 1 + Math.floor(random() * 3),
    randomOfSend: seededRandom(seed + index),
  }));
  const told: Told[] = [];
  const results: unknown[] = [];

  const send = async (
    clients: Clients,
    { place, roomId, onUnknown, times, randomOfSend }: (typeof plan)[0],
  ) => {
    const emulator = emulators[place.at];
    const fault = place.fault?.(randomOfSend);
    const active = fault && emulator.faults.add({ ...fault, times, match: { roomId } });
    const controller = new AbortController();
    const abort =
      place.abortAfterMs && setTimeout(() => controller.abort(), place.abortAfterMs(randomOfSend));
    const service = await clients.get(place, Number(roomId.slice('room-'.length)));
    const result = await service
      .batchSend({ roomId, to: ['alice'], message: 'CANARY-text' }, { onUnknown, signal: controller.signal })
      .catch((error: unknown) => error);
    clearTimeout(abort);
    active?.remove();
    if (!(result instanceof Error) && (result as SendReceipt).outcome !== 'accepted')
      throw new Error('No receipt');
    if (result instanceof Error && !(result instanceof RtcMessagingError)) throw result;
    results.push(result);
    const { outcome, possibleDuplicate, attempts } = result as SendReceipt | RtcMessagingError;
    told.push({ place, roomId, onUnknown, outcome, possibleDuplicate, attempts: attempts.length });
  };

  let next = 0;
  let clients = new Clients(emulators, ca);
  const retired: Promise<void>[] = [];
  const work = async (): Promise<void> => {
    for (let item = plan[next]; item !== undefined; item = plan[next]) {
      next += 1;
      if (next % SENDS_PER_CLIENT === 0) {
        retired.push(clients.retire());
        clients = new Clients(emulators, ca);
      }
      await clients.use((mine) => send(mine, item));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  await Promise.all([...retired, clients.retire()]);
  // What is still on its way to an emulator arrives.
  await sleep(100);

  const acceptedBy = countAccepted(emulators);
  await close();
  // Together, and not before the sends are over, since each way of printing takes its time.
  const leaks: string[] = [];
  for (let from = 0; from < results.length; from += 200)
    leaks.push(...(await leaksIn(results.slice(from, from + 200))));
  const rows = new Map<string, FaultRow>();
  const lies = told.flatMap((one) => {
    const times = acceptedBy.get(`${one.place.at} ${one.roomId}`) ?? 0;
    count(rows, one, times);
    return lieOf(one, times) ?? [];
  });
  return { rows, lies, leaks, seconds: (performance.now() - started) / 1_000 };
}

function lieOf(
  { place, roomId, onUnknown, outcome, possibleDuplicate }: Told,
  times: number,
): string | undefined {
  const what = `${place.name}, ${roomId}, ${onUnknown}: told ${outcome}, accepted ${times} times`;
  if (outcome === 'accepted' && times === 0) return what;
  if ((outcome === 'rejected' || outcome === 'not_attempted') && times > 0) return what;
  if (onUnknown === 'report' && times > 1) return what;
  if (times > 1 && !possibleDuplicate) return `${what}, and not marked`;
  return undefined;
}

function count(rows: Map<string, FaultRow>, { place, outcome, attempts }: Told, times: number): void {
  const name = `${place.name} (${place.at})`;
  const row = rows.get(name) ?? {
    sends: 0,
    accepted: 0,
    rejected: 0,
    unknown: 0,
    not_attempted: 0,
    retries: 0,
    doubled: 0,
  };
  row.sends += 1;
  row[outcome] += 1;
  row.retries += Math.max(0, attempts - 1);
  row.doubled += Number(times > 1);
  rows.set(name, row);
}

function countAccepted(emulators: Emulators): Map<string, number> {
  const times = new Map<string, number>();
  for (const [name, { requests, dropped }] of Object.entries(emulators) as [string, RtcEmulator][]) {
    if (dropped.requests > 0) throw new Error(`The record of ${name} is not complete.`);
    for (const { outcome, body } of requests) {
      if (outcome !== 'accepted') continue;
      const key = `${name} ${(JSON.parse(body.toString()) as { RoomId: string }).RoomId}`;
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  return times;
}

/** Modules for every place, made as they are needed and closed when their sends are done. */
class Clients {
  readonly #services = new Map<string, Promise<{ module: TestingModule; service: RoomUnicastService }>>();
  readonly #agents: HttpAgent[] = [];
  #users = 0;
  #whenUnused: (() => void) | undefined;

  constructor(
    private readonly emulators: Emulators,
    private readonly ca: string,
  ) {}

  async use(work: (clients: Clients) => Promise<void>): Promise<void> {
    this.#users += 1;
    try {
      await work(this);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#whenUnused?.();
    }
  }

  async get(
    { at, fresh = false, throttles = false }: FaultyPlace,
    send: number,
  ): Promise<RoomUnicastService> {
    const appId = throttles ? MANY_APPS.appIds[send % MANY_APPS.appIds.length] : undefined;
    const key = `${at} ${fresh} ${appId}`;
    let made = this.#services.get(key);
    if (made === undefined) {
      made = createService(this.#options(at, fresh, appId));
      this.#services.set(key, made);
    }
    return (await made).service;
  }

  async retire(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#whenUnused = resolve));
    for (const made of this.#services.values()) await (await made).module.close();
    for (const agent of this.#agents) agent.destroy();
  }

  #options(at: keyof Emulators, fresh: boolean, appId: string | undefined): RtcMessagingOptions {
    const httpsAgent = new HttpsAgent({ keepAlive: !fresh, ca: this.ca });
    const httpAgent = new HttpAgent({ keepAlive: !fresh });
    this.#agents.push(httpsAgent, httpAgent);
    let asked = 0;
    return {
      ...this.emulators[at].moduleOptions(),
      ...(at === 'tokens' && {
        credentials: async () => TOKENS[asked++ % TOKENS.length] as (typeof TOKENS)[0],
      }),
      ...(appId !== undefined && { appId, credentials: MANY_APPS.credentials }),
      quota: { requestsPerSecond: 1_000_000, scope: 'app' },
      timeoutMs: TIMEOUT_MS,
      deadlineMs: 4_000,
      http: { httpsAgent, httpAgent, maxContentLength: 50_000 },
    };
  }
}
