-- Divides the permits that processes share: each process holds some of them. All times in milliseconds, by Redis's
-- clock.
--
-- KEYS   1   hash: gen, run (which server), last (time of the last command), served (time of the last answer that a
--            process has seen), hold (until when no more permits are given out), turn (who has it), turnNeeds,
--            turnEnds, turnFrom; and of each process, under `p:` and its name, `held wanted together limit until asked`
-- ARGV   1   process
--        2   known: gen of the last answer, or 0
--        3   seen: now of the last answer, or 0
--        4   lapsed: 'lapsed' if the process was not served for longer than it may rely on what it holds, or ''
--        5   limit: permits there are
--        6   held: permits that the process keeps. It has given back the others.
--        7   out: how many of these are not free
--        8   wanted: how many it could use
--        9   together: how many its next request needs at once, or 0
--        10  asked: when the process sent the command, on its own clock
-- Answer {now, gen, held, target, hold}: how many permits the process holds, how many it should hold, and for how long
--        no more are given out
--
-- Before it stand LEASE_MS, USABLE_MS and COOLING_MS, which the process goes by, too.
--
-- Invariant: processes hold no more permits than the limit together. A process gives back free permits only, and each
-- command says how many it keeps, so nothing is lost with an answer. What Redis has lost (it was emptied, restored or
-- failed over, its clock was set) begins a new generation: no permits are given out until each process that may still
-- send has said how many it keeps.

-- A process whose Redis was away waits for the others if none was served for this long.
local UNSERVED_MS = 1000
-- Who holds permits comes more often than that.
local UNSEEN_MS = 2000
local TURN_MS = 3000
-- For how long the same processes have the smaller parts.
local ROTATE_MS = 2000
-- What the state is kept for without use: a day.
local KEEP_MS = 86400000

local key = KEYS[1]
local process, known, seen, lapsed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == 'lapsed'
local limit, held, out = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local wanted, together, asked = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local info = redis.pcall('INFO', 'server')
local here = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local text = function(ms) return string.format('%.3f', ms) end
local number = function(value) return tonumber(value or 0) or 0 end

-- The first write frees memory, so that a full Redis does the others.
redis.call('HDEL', key, '')
local stored, holders, gone = {}, {}, {}
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local id, values = string.match(fields[i], '^p:(.*)'), {}
  for value in string.gmatch(fields[i + 1], '%S+') do values[#values + 1] = number(value) end
  if not id then stored[fields[i]] = fields[i + 1]
  elseif (values[5] or 0) < now then gone[#gone + 1] = fields[i]
  else holders[id] = {id = id, held = values[1], wanted = values[2], together = values[3], limit = values[4],
    asked = values[6]} end
end
local s, turn = {}, stored.turn or ''
for _, name in ipairs({'gen', 'last', 'served', 'hold', 'turnNeeds', 'turnEnds', 'turnFrom'}) do
  s[name] = number(stored[name])
end

-- By the process itself, too: after a new generation, it says once more what it holds.
if s.gen == known then s.served = math.max(s.served, math.min(seen, now)) end
local before = holders[process] or {held = 0}
-- Its client gave it up, and it waited in a socket or for a Cluster. The process has said something else since then.
if asked < (before.asked or 0) then return {} end
local older = s.gen == known and (s.last < seen or (held > before.held and not lapsed))
local unserved = s.gen == known and lapsed and now - s.served > UNSERVED_MS
local unseen = now - s.last > UNSEEN_MS and (next(holders) ~= nil or #gone > 0)
local odd = stored.run ~= here or now < s.last - 5
if s.gen == 0 or s.gen < known or older or unserved or unseen or odd then
  redis.call('DEL', key)
  holders, turn = {}, ''
  s = {gen = math.max(now * 1000, known + 1), served = now, hold = now + COOLING_MS + USABLE_MS}
  s.turnNeeds, s.turnEnds, s.turnFrom = 0, 0, 0
elseif #gone > 0 then
  redis.call('HDEL', key, unpack(gone))
end

holders[process] = {id = process, held = held, wanted = wanted, together = together, limit = limit}
local order, total = {}, 0
for _, one in pairs(holders) do
  total, limit, order[#order + 1] = total + one.held, math.min(limit, one.limit), one
end
limit = math.max(1, math.floor(limit))
local free = math.max(0, limit - total)

-- A turn ends when its request has its permits, or does not wait any more, or three seconds are over. Then the others
-- have twice as long as the limit takes for so many.
if turn == process and (together == 0 or out >= s.turnNeeds) then
  turn, s.turnFrom = '', now + COOLING_MS + 2 * math.min(out, s.turnNeeds) * 1000 / limit
elseif now > s.turnEnds then
  turn = ''
end

-- Who wants little has that, and the others have equal parts of the rest, in whole requests first: what is left of a part
-- is of no use for these. What the first have too little, the last have more. So who comes first changes.
local left, target, first = limit, 0, math.floor(now / ROTATE_MS)
table.sort(order, function(one, other) return one.id < other.id end)
for i, one in ipairs(order) do one.place = one.together > 1 and (i + first * math.ceil(#order / 16)) % #order or i end
table.sort(order, function(one, other)
  if (one.id == turn) ~= (other.id == turn) then return one.id == turn end
  if one.wanted ~= other.wanted then return one.wanted < other.wanted end
  if one.together ~= other.together then return one.together > other.together end
  return one.place < other.place
end)
for i, one in ipairs(order) do
  local part = math.min(one.wanted, math.floor(left / (#order - i + 1)))
  if one.together > 1 then part = part - part % one.together end
  if one.id == turn then part = math.min(s.turnNeeds, limit) end
  left, target = left - part, one.id == process and part or target
end
-- Small requests need little.
target = math.max(target, math.min(wanted, target + math.floor(left / #order)))
-- A request that costs more than its process's part has what is free, or its process has a turn.
local needed = math.min(together, limit)
if target < needed and turn == '' then
  if free + math.max(0, held - out) >= needed then
    target = needed
  elseif now >= s.turnFrom then
    turn, target = process, needed
    s.turnNeeds, s.turnEnds, s.turnFrom = needed, now + TURN_MS, now + TURN_MS + 2000
  end
end

-- A part of what is free, since others may ask at the same time.
if now >= s.hold and target > held then
  local part = math.ceil(free * (#order == 1 and 0.75 or 0.5))
  held = held + math.min(target - held, free, math.max(part, needed - held))
end
if held > 0 or wanted > 0 then
  local values = {held, wanted, together, ARGV[5], text(now + LEASE_MS), ARGV[10]}
  redis.call('HSET', key, 'p:' .. process, table.concat(values, ' '))
else
  redis.call('HDEL', key, 'p:' .. process)
end
s.last = math.max(now, s.last or 0)
redis.call('HSET', key, 'run', here, 'turn', turn)
for name, value in pairs(s) do redis.call('HSET', key, name, text(value)) end
redis.call('PEXPIRE', key, KEEP_MS)
return {text(now), text(s.gen), held, target, text(math.max(0, s.hold - now))}
