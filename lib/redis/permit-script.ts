import { COOLING_MS } from '../quota/permit-pool.js';
import { LuaScript } from './lua-script.js';
import takePermits from './take-permits.lua.js';

/** How long a permit stays out that no one tells of, in milliseconds: a dead process's permits come back by this. */
export const LEASE_MS = 3_000;
/** How long before it may be used a permit is given out. */
export const AHEAD_MS = 300;

const TIMES = `local LEASE_MS, AHEAD_MS, COOLING_MS = ${LEASE_MS}, ${AHEAD_MS}, ${COOLING_MS}\n`;

/** Gives out permits that processes share; what it takes and answers stands in its file. */
export const TAKE_PERMITS_LUA = TIMES + takePermits;
export const TAKE_PERMITS = new LuaScript('take-permits', TAKE_PERMITS_LUA);

/** What it answers; times in milliseconds on Redis's clock. */
export interface PermitAnswer {
  readonly now: number;
  /** Of which the permits are; another one than before: what was known has been lost. Empty: it came too late. */
  readonly generation: string;
  /** From when each of the permits may be used. */
  readonly dues: readonly number[];
}

export function readAnswer(reply: unknown): PermitAnswer {
  const [now, generation, ...dues] = reply as [string, string, ...string[]];
  return { now: Number(now), generation, dues: dues.map(Number) };
}
