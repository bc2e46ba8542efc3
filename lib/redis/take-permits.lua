-- Gives out permits that processes share, by Redis's clock. All times in milliseconds.
--
-- KEYS   1   sorted set of the permits that are not free. Member: `process:take:index`, named by the client. Score:
--            from when it is free, without credit; a lease while its request is under way.
--        2   hash of the state: gen, run (which server), last (time of the last command), out (the highest score
--            then), hold and paced (from when permits may be used), the least limit and credit of this age and the
--            last, singles (until when those kept for single sends are used up), turn (who has it), turnEnds,
--            turnFrom
-- ARGV   1   process
--        2   take: numbers what the process asks
--        3   wanted: how many permits
--        4   together: how many of them go together
--        5   limit: permits there are
--        6   burst
--        7   credit
--        8   priority: 'single' or 'bulk'
--        9   doubt: 'doubt', 'returns' or ''
--        10  known: gen of the last answer, or 0
--        11  seen: now of the last answer, or 0
--        12  expires: when the process will have given up, or 0 for never
--        13- pairs of a member and when it is free, or 0 if it was not used
-- Answer {now, gen, …from when each permit may be used}: fewer than were wanted if no more are free within AHEAD_MS;
--        gen is '' if it came too late, and nothing was done
--
-- Before it stand LEASE_MS, AHEAD_MS and COOLING_MS, which the process goes by, too.
--
-- Invariant: at any time, there are no more permits that may be used by then and whose score is still to come than
-- the limit. Telling of an answer only lowers a score. What was lost (Redis emptied, restored, failed over, its clock
-- set) begins a new generation: nobody sends for a second, and every process tells anew of what it has out.

-- After this, the least of what processes told is told anew.
local AGE_MS = 5000
-- What the state is kept for without use: a day.
local KEEP_MS = 86400000

local permits, state = KEYS[1], KEYS[2]
local process, take, priority, doubt = ARGV[1], ARGV[2], ARGV[8], ARGV[9]
local wanted, together, limit, burst, credit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local known, seen, expires = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local text = function(ms) return string.format('%.3f', ms) end
-- What a Redis that stood still finds when it goes on is of no use, and must not look as if someone had been served.
if expires > 0 and now > expires then return {text(now), ''} end

local names = {'gen', 'last', 'out', 'hold', 'paced', 'age', 'limit0', 'limit1', 'credit0', 'credit1', 'singles', 'turnEnds', 'turnFrom', 'turnNeeds'}
local s = {}
for i, value in ipairs(redis.call('HMGET', state, unpack(names))) do
  local number = tonumber(value or 0) or 0
  -- For Lua, nan and inf are numbers; nothing could be compared with them.
  s[names[i]] = number - number == 0 and number or 0
end
local run, turn = unpack(redis.call('HMGET', state, 'run', 'turn'))
local info = redis.pcall('INFO', 'server')
local here = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local highest = function() return tonumber(redis.call('ZRANGE', permits, -1, -1, 'WITHSCORES')[2]) or 0 end

-- A key alone may have been evicted or restored, or both: then a process has seen more than there is.
local changed = math.max(highest(), now) ~= math.max(s.out, now)
local older = s.gen < known or (s.gen == known and s.last < seen)
local returns = doubt == 'returns' and now - s.last > 500
local doubted = doubt == 'doubt' and s.gen == known
if run ~= here or now < s.last - 5 or changed or older or returns or doubted or s.hold > now + 10000 then
  s.gen, s.last, s.hold, s.paced = math.max(now * 1000, known + 1), now, now + COOLING_MS + AHEAD_MS, now
  s.singles, s.turnEnds, s.turnFrom = 0, 0, 0
  redis.call('ZREMRANGEBYSCORE', permits, text(now + LEASE_MS + AHEAD_MS + 1000), '+inf')
end
s.last = math.max(s.last, now)

for i = 13, #ARGV, 2 do
  local free = math.min(tonumber(ARGV[i + 1]), now + LEASE_MS)
  redis.call('ZADD', permits, text(free), ARGV[i])
end
-- Those that were given back unused go with what has become free.
redis.call('ZREMRANGEBYSCORE', permits, '-inf', text(now))

-- The least limit and credit that any process has told in this age or the last.
local age = math.floor(now / AGE_MS)
if s.age ~= age then
  local follows = s.age == age - 1
  s.limit1, s.credit1 = follows and s.limit0 or limit, follows and s.credit0 or credit
  s.age, s.limit0, s.credit0 = age, limit, credit
end
s.limit0, s.credit0 = math.min(s.limit0, limit), math.min(s.credit0, credit)
limit, credit = math.max(1, math.floor(math.min(s.limit0, s.limit1))), math.min(s.credit0, s.credit1)

-- A few permits are kept for single sends while there are any, at a pace of so many a second. More go with the others.
local interval, kept, usable = 1000 / limit, math.floor(limit * 0.03), limit
local isSingle = priority == 'single' and wanted > 0
if isSingle then s.singles = math.max(s.singles, now) end
local isKept = isSingle and s.singles + wanted * 1000 / kept <= now + 1000
if not isKept and now < s.singles + AGE_MS then usable = limit - kept end

-- These go at once if at no time, also of those that permits are given out for already, more than the limit are out.
local goesNow = isKept
if isKept then
  local coming = redis.call('ZRANGEBYSCORE', permits, '(' .. text(now + LEASE_MS), '+inf', 'WITHSCORES')
  local count = #coming / 2
  for i = 0, count do
    local at = i == 0 and now or coming[2 * i] - LEASE_MS
    local out = redis.call('ZCOUNT', permits, '(' .. text(at), '+inf') - (count - i)
    goesNow = goesNow and out + wanted <= limit
  end
end

-- Single sends go on during a turn, unless it is of those that need what is kept, too.
local givesWay = turn ~= process
if isKept then givesWay = s.turnNeeds > limit - 2 * kept end
local busy, paced, dues = redis.call('ZCARD', permits), s.paced, {}
for last = together, wanted, together do
  local due = math.max(now, s.hold)
  if not isKept then due = math.max(due, paced - (burst - 1) * interval) end
  -- More than there are go when all are free.
  local rank = busy - 1 - usable + (last == together and math.min(last, usable) or last)
  if rank >= 0 and not goesNow then
    local score = redis.call('ZRANGE', permits, rank, rank, 'WITHSCORES')[2]
    due = math.max(due, (tonumber(score) or now + 1e6) - credit)
  end
  if now < s.turnEnds and givesWay then due = math.max(due, now + AHEAD_MS + 100) end
  if due - now > AHEAD_MS then break end
  for i = last - together + 1, last do dues[i] = due end
  if not isKept then paced = math.max(paced, due) + together * interval end
end
s.paced = paced
if isKept then s.singles = s.singles + #dues * 1000 / kept end

-- Who waits for many permits, of which others take each that is free, has a turn: they get none until it is served, or
-- does not ask any more, or three seconds are over. Then they have theirs.
if together > 1 and #dues > 0 and turn == process then
  turn, s.turnEnds, s.turnFrom = '', 0, dues[1] + 2 * together * interval
elseif together > 1 and #dues == 0 then
  if now >= s.turnFrom then turn, s.turnFrom, s.turnNeeds = process, now + 5000, together end
  if turn == process and now < s.turnFrom - 2000 then s.turnEnds = now + 500 end
end

local answer = {text(now), text(s.gen)}
for i, due in ipairs(dues) do
  redis.call('ZADD', permits, text(due + LEASE_MS), process .. ':' .. take .. ':' .. i)
  answer[i + 2] = text(due)
end
s.out = highest()
local fields = {'run', here, 'turn', turn or ''}
for _, name in ipairs(names) do
  fields[#fields + 1] = name
  fields[#fields + 1] = text(s[name])
end
redis.call('HMSET', state, unpack(fields))
redis.call('PEXPIRE', permits, LEASE_MS + AHEAD_MS + 2000)
redis.call('PEXPIRE', state, KEEP_MS)
return answer
