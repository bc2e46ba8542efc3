import { LuaScript } from '../redis/lua-script.js';
import beat from './lua/beat.lua.js';
import begin from './lua/begin.lua.js';
import cancel from './lua/cancel.lua.js';
import due from './lua/due.lua.js';
import fed from './lua/fed.lua.js';
import giveUp from './lua/give-up.lua.js';
import look from './lua/look.lua.js';
import open from './lua/open.lua.js';
import resume from './lua/resume.lua.js';
import seal from './lua/seal.lua.js';
import settle from './lua/settle.lua.js';
import shared from './lua/shared.lua.js';
import store from './lua/store.lua.js';
import take from './lua/take.lua.js';

const step = (name: string, lua: string): LuaScript => new LuaScript(name, shared + lua);

/** The steps of the ledger, each atomic; what each takes and answers stands in its file. */
export const OPEN = step('open', open);
export const STORE = step('store', store);
export const SEAL = step('seal', seal);
export const BEAT = step('beat', beat);
export const GIVE_UP = step('give-up', giveUp);
export const DUE = step('due', due);
export const FED = step('fed', fed);
export const BEGIN = step('begin', begin);
export const TAKE = step('take', take);
export const SETTLE = step('settle', settle);
export const CANCEL = step('cancel', cancel);
export const RESUME = step('resume', resume);
export const LOOK = step('look', look);
