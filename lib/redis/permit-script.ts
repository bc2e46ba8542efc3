import { COOLING_MS } from '../quota/permit-pool.js';
import { LuaScript } from './lua-script.js';
import takePermits from './take-permits.lua.js';

/**
 * Lease of a permit, in milliseconds. A permit without reports is free after it, so the permits of a dead process
 * return.
 */
export const LEASE_MS = 3_000;
/** How long before its time a permit may be granted, in milliseconds. */
export const AHEAD_MS = 300;

const TIMES = `local LEASE_MS, AHEAD_MS, COOLING_MS = ${LEASE_MS}, ${AHEAD_MS}, ${COOLING_MS}\n`;

/** Grants shared permits. Its arguments and its answer are described in its file. */
export const TAKE_PERMITS_LUA = TIMES + takePermits;
export const TAKE_PERMITS = new LuaScript('take-permits', TAKE_PERMITS_LUA);

/** The script's answer. Times are in milliseconds on Redis's clock. */
export interface PermitAnswer {
  readonly now: number;
  /** Generation of the permits. A new one means that Redis lost its data. Empty: the command came too late. */
  readonly generation: string;
  /** When each granted permit may be used. */
  readonly dues: readonly number[];
}

export function readAnswer(reply: unknown): PermitAnswer {
  const [now, generation, ...dues] = reply as [string, string, ...string[]];
  return { now: Number(now), generation, dues: dues.map(Number) };
}
