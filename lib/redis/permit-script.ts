import { COOLING_MS } from '../quota/permit-pool.js';
import { LuaScript } from '../redis-client/lua-script.js';
import takePermits from './take-permits.lua.js';

/**
 * How long a process keeps its permits without a command, in milliseconds. After that the permits of a dead process are
 * free, and its requests must not leave.
 */
export const LEASE_MS = 3_000;
/** How long a process may take the permits that it holds without a command that was answered, in milliseconds. */
export const USABLE_MS = 700;

const TIMES = `local LEASE_MS, USABLE_MS, COOLING_MS = ${LEASE_MS}, ${USABLE_MS}, ${COOLING_MS}\n`;

/** Divides shared permits. Its arguments and its answer are described in its file. */
export const TAKE_PERMITS_LUA = TIMES + takePermits;
export const TAKE_PERMITS = new LuaScript('take-permits', TAKE_PERMITS_LUA);

export type PermitAnswer = ReturnType<typeof readAnswer>;

/**
 * The script's answer, in milliseconds on Redis's clock. A new generation means that Redis lost its data. `target` is
 * how many permits the process should hold. For `holdMs`, no more permits are given out.
 */
export function readAnswer(reply: unknown) {
  const [now = 0, generation = 0, held = 0, target = 0, holdMs = 0] = (reply as unknown[]).map(Number);
  return { now, generation, held, target, holdMs };
}
