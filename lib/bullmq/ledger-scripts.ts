import { LuaScript } from '../redis-client/lua-script.js';
import cancel from './lua/cancel.lua.js';
import claim from './lua/claim.lua.js';
import claimEnd from './lua/claim-end.lua.js';
import complete from './lua/complete.lua.js';
import enqueued from './lua/enqueued.lua.js';
import giveUp from './lua/give-up.lua.js';
import heartbeat from './lua/heartbeat.lua.js';
import look from './lua/look.lua.js';
import open from './lua/open.lua.js';
import resume from './lua/resume.lua.js';
import shared from './lua/shared.lua.js';
import start from './lua/start.lua.js';
import store from './lua/store.lua.js';

const SCRIPTS = {
  cancel,
  claim,
  claimEnd,
  complete,
  enqueued,
  giveUp,
  heartbeat,
  look,
  open,
  resume,
  start,
  store,
};

export type LedgerStep = keyof typeof SCRIPTS;

/** The steps of the ledger, each atomic. What each takes and answers stands in its file. */
export const LEDGER_STEPS = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, lua]) => [name, new LuaScript(name, shared + lua)]),
) as Record<LedgerStep, LuaScript>;
