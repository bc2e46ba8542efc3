import { createHash } from 'node:crypto';
import { COOLING_MS } from '../quota/permit-pool.js';

/** How long a permit stays out that no one tells of, in milliseconds: a dead process's permits come back by this. */
export const LEASE_MS = 3_000;
/** How long before it may be used a permit is given out. */
export const AHEAD_MS = 300;
/** After this, the least of what processes told is told anew. */
const AGE_MS = 5_000;
/** What the state is kept for without use: a day. */
const KEEP_MS = 86_400_000;

/**
 * Gives out permits that processes share, by Redis's clock.
 *
 * KEYS 1: sorted set of the permits that are not free. Member: `process:take:index`, named by the client. Score: from
 *         when it is free, without credit; a lease while its request is under way.
 *      2: hash of the state: gen, run, hold, paced, last, and the least limit and credit of this age and the last.
 *      3: sorted set as the first, of those that are kept for single sends.
 * ARGV process, take, wanted, how many of them go together, limit, burst, credit, priority, doubt, gen known, when the
 *      process will have given up (0: never), then pairs of member and when it is free (0: it was not used). Times in
 *      milliseconds.
 * Answer: now, gen ('': it came too late, and nothing was done), when to ask again, then from when each permit may be
 * used (member: process:take:index).
 *
 * Invariant: at any time, there are no more permits that may be used by then and whose score is still to come than the
 * limit. Telling of an answer only lowers a score. What was lost (Redis emptied, restored, failed over, its clock set)
 * begins a new generation: nobody sends for a second, and every process tells anew of what it has out.
 */
export const PERMIT_SCRIPT = `
local permits, state, singles = KEYS[1], KEYS[2], KEYS[3]
local process, take, priority, doubt, known = ARGV[1], ARGV[2], ARGV[8], ARGV[9], ARGV[10]
local wanted, together, limit, burst, credit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local text = function(ms) return string.format('%.3f', ms) end
-- What a Redis that stood still finds when it goes on is of no use, and must not look as if someone had been served.
local expires = tonumber(ARGV[11])
if expires > 0 and now > expires then return {text(now), '', text(now)} end

local names = {'hold', 'paced', 'last', 'age', 'limit0', 'limit1', 'credit0', 'credit1', 'singleAt', 'keptFrom', 'out1', 'out2'}
local s = {}
for i, value in ipairs(redis.call('HMGET', state, unpack(names))) do
  local number = tonumber(value or 0) or 0
  -- For Lua, nan and inf are numbers; nothing could be compared with them.
  s[names[i]] = number - number == 0 and number or 0
end
local gen, run = unpack(redis.call('HMGET', state, 'gen', 'run'))
local info = redis.pcall('INFO', 'server')
local here = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''

local wrong = 0
for _, set in ipairs({permits, singles}) do
  wrong = wrong + redis.call('ZREMRANGEBYSCORE', set, text(now + ${LEASE_MS + AHEAD_MS + 1_000}), '+inf')
end
-- A full Redis may evict a set and leave the state: it says until when there was something in each.
local lost = (s.out1 > now and redis.call('ZCARD', permits) == 0) or (s.out2 > now and redis.call('ZCARD', singles) == 0)
local returns = doubt == 'returns' and now - s.last > 500
if not gen or run ~= here or now < s.last - 5 or wrong > 0 or lost or s.hold > now + 10000 or returns or (doubt == 'doubt' and known == gen) then
  gen, s.hold, s.paced = string.format('%.0f', now * 1000), now + ${COOLING_MS + AHEAD_MS}, now
end

for i = 12, #ARGV, 2 do
  local free = tonumber(ARGV[i + 1])
  local set = redis.call('ZSCORE', singles, ARGV[i]) and singles or permits
  if free > now then redis.call('ZADD', set, text(free), ARGV[i]) else redis.call('ZREM', set, ARGV[i]) end
end
for _, set in ipairs({permits, singles}) do redis.call('ZREMRANGEBYSCORE', set, '-inf', text(now)) end

-- The least limit and credit that any process has told in this age or the last.
local age = math.floor(now / ${AGE_MS})
if s.age ~= age then
  local follows = s.age == age - 1
  s.limit1, s.credit1 = follows and s.limit0 or limit, follows and s.credit0 or credit
  s.age, s.limit0, s.credit0 = age, limit, credit
end
s.limit0, s.credit0 = math.min(s.limit0, limit), math.min(s.credit0, credit)
limit, credit = math.max(1, math.min(s.limit0, s.limit1)), math.min(s.credit0, s.credit1)

-- A few permits are kept for single sends while there are any. More of these go with the others.
local interval = 1000 / limit
local kept = math.floor(limit * 0.03)
if now - s.singleAt >= ${AGE_MS} then
  if priority ~= 'single' or wanted == 0 then kept = 0 end
  -- Until the others have given way, none of them is free.
  s.keptFrom = now + 1e6
end
if priority == 'single' and wanted > 0 then s.singleAt = now end
local busy, usable = redis.call('ZCARD', permits), limit - kept
if busy <= usable then s.keptFrom = math.min(s.keptFrom, now) end

local dues, set, ask, paced = {}, permits, 0, s.paced
if kept > 0 and priority == 'single' and now >= s.keptFrom and now >= s.hold then
  local left = kept - redis.call('ZCARD', singles)
  if left >= wanted then set = singles end
end
for i = 1, wanted do
  local due = math.max(now, s.hold)
  if set == permits then
    -- Those that go together go at once.
    if i % together == 1 % together then due = math.max(due, paced - (burst - 1) * interval) end
    paced = math.max(paced, due) + interval
    local rank = busy + i - 1 - usable
    if rank >= 0 then
      local next = redis.call('ZRANGE', permits, rank, rank, 'WITHSCORES')[2]
      due = math.max(due, (tonumber(next) or now + 1e6) - credit)
    end
  end
  if due - now > ${AHEAD_MS} then
    ask = due - ${AHEAD_MS}
    break
  end
  dues[i] = due
  if set == permits and i % together == 0 then
    s.paced = math.max(paced, due)
    s.keptFrom = math.min(s.keptFrom, due)
  end
end
local given = #dues - #dues % together
local answer = {text(now), gen, text(math.min(math.max(ask, now), now + 1000))}
for i = 1, given do
  redis.call('ZADD', set, text(dues[i] + ${LEASE_MS}), process .. ':' .. take .. ':' .. i)
  answer[i + 3] = text(dues[i])
end

s.last = now
s.out1 = tonumber(redis.call('ZRANGE', permits, -1, -1, 'WITHSCORES')[2]) or 0
s.out2 = tonumber(redis.call('ZRANGE', singles, -1, -1, 'WITHSCORES')[2]) or 0
local fields = {'gen', gen, 'run', here}
for _, name in ipairs(names) do
  fields[#fields + 1] = name
  fields[#fields + 1] = text(s[name])
end
redis.call('HMSET', state, unpack(fields))
for _, expiring in ipairs({permits, singles}) do
  redis.call('PEXPIRE', expiring, ${LEASE_MS + AHEAD_MS + 2_000})
end
redis.call('PEXPIRE', state, ${KEEP_MS})
return answer
`;

export const PERMIT_SCRIPT_SHA = createHash('sha1').update(PERMIT_SCRIPT).digest('hex');

/** What it answers; times in milliseconds on Redis's clock. */
export interface PermitAnswer {
  readonly now: number;
  /** Of which the permits are; another one than before: what was known has been lost. Empty: it came too late. */
  readonly generation: string;
  /** When it is worth asking again, if there are fewer than were wanted. */
  readonly askAgainAt: number;
  /** From when each of the permits may be used. */
  readonly dues: readonly number[];
}

/** @throws Error when it is not the script's answer */
export function readAnswer(reply: unknown): PermitAnswer {
  const [now, generation, askAgainAt, ...dues] = Array.isArray(reply) ? (reply as unknown[]) : [];
  const numbers = [now, askAgainAt, ...dues].map(Number);
  if (typeof generation !== 'string' || numbers.some((number) => Number.isNaN(number))) {
    throw new Error('Redis answered with something else');
  }
  const [at = 0, again = 0, ...from] = numbers;
  return { now: at, generation, askAgainAt: again, dues: from };
}
