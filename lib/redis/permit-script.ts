import { COOLING_MS } from '../quota/permit-pool.js';
import { LuaScript } from './lua-script.js';
import takePermits from './take-permits.lua.js';

/**
 * How long a process keeps its permits without a command, in milliseconds. So the permits of a dead process return. Its
 * requests must not leave after that.
 */
export const LEASE_MS = 3_000;
/** How long a process may take the permits that it holds without a command that was answered, in milliseconds. */
export const USABLE_MS = 700;

const TIMES = `local LEASE_MS, USABLE_MS, COOLING_MS = ${LEASE_MS}, ${USABLE_MS}, ${COOLING_MS}\n`;

/** Divides shared permits. Its arguments and its answer are described in its file. */
export const TAKE_PERMITS_LUA = TIMES + takePermits;
export const TAKE_PERMITS = new LuaScript('take-permits', TAKE_PERMITS_LUA);

/** The script's answer. */
export interface PermitAnswer {
  /** Milliseconds on Redis's clock. */
  readonly now: number;
  /** Generation of the permits. A new one means that Redis lost its data. */
  readonly generation: number;
  /** Permits that the process holds. */
  readonly held: number;
  /** Permits that the process should hold. */
  readonly target: number;
  /** For how long no more permits are given out, in milliseconds. */
  readonly holdMs: number;
}

export function readAnswer(reply: unknown): PermitAnswer {
  const [now = 0, generation = 0, held = 0, target = 0, holdMs = 0] = (reply as unknown[]).map(Number);
  return { now, generation, held, target, holdMs };
}
