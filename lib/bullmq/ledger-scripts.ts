import { LuaScript } from '../redis/lua-script.js';
import cancel from './lua/cancel.lua.js';
import claim from './lua/claim.lua.js';
import claimEnd from './lua/claim-end.lua.js';
import closeInput from './lua/close-input.lua.js';
import complete from './lua/complete.lua.js';
import enqueued from './lua/enqueued.lua.js';
import giveUp from './lua/give-up.lua.js';
import heartbeat from './lua/heartbeat.lua.js';
import look from './lua/look.lua.js';
import open from './lua/open.lua.js';
import ready from './lua/ready.lua.js';
import resume from './lua/resume.lua.js';
import shared from './lua/shared.lua.js';
import start from './lua/start.lua.js';
import store from './lua/store.lua.js';

const step = (name: string, lua: string): LuaScript => new LuaScript(name, shared + lua);

/** The steps of the ledger, each atomic; what each takes and answers stands in its file. */
export const OPEN = step('open', open);
export const STORE = step('store', store);
export const CLOSE_INPUT = step('close-input', closeInput);
export const HEARTBEAT = step('heartbeat', heartbeat);
export const GIVE_UP = step('give-up', giveUp);
export const READY = step('ready', ready);
export const ENQUEUED = step('enqueued', enqueued);
export const CLAIM = step('claim', claim);
export const START = step('start', start);
export const COMPLETE = step('complete', complete);
export const CANCEL = step('cancel', cancel);
export const RESUME = step('resume', resume);
export const CLAIM_END = step('claim-end', claimEnd);
export const LOOK = step('look', look);
