-- Keeps whose receipts are awaited. Every step first makes room of what is over.
--
-- KEYS   1   message  hash: for each user, since when it is awaited, in milliseconds, or '0' once it has confirmed
--        2   awaited  hash: how many users are awaited, of each message and of 'all'
--        3   ends     sorted set: when each message is over, in milliseconds
-- ARGV   1   the step: 'expect', 'withdraw', 'confirm', 'look' or 'status', as in receipt-store.ts
--        2   the message's ID
--        3   how long receipts are awaited, in milliseconds
--        4   how many users may be awaited in all
--        5   the first user, or for 'look' the first message, of several thousand at most; the others follow
-- Answer that of the step, in JSON. A list without members is an object.

local message, awaited, ends = unpack(KEYS)
local step, id, awaitMs, most, first = unpack(ARGV, 1, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer

local function add(to, count)
  redis.call('HINCRBY', awaited, 'all', count)
  if redis.call('HINCRBY', awaited, to, count) == 0 then redis.call('HDEL', awaited, to) end
end

for _, over in ipairs(redis.call('ZRANGEBYSCORE', ends, 0, now)) do
  add(over, 0 - (redis.call('HGET', awaited, over) or 0))
  redis.call('ZREM', ends, over)
end

if step == 'look' then
  answer = redis.call('HMGET', awaited, 'all', unpack(ARGV, 5))
elseif step == 'status' then
  answer = { leftMs = redis.call('PTTL', message), confirmed = {}, awaited = {} }
  local known = redis.call('HGETALL', message)
  for at = 1, #known, 2 do
    table.insert(known[at + 1] == '0' and answer.confirmed or answer.awaited, known[at])
  end
elseif step == 'confirm' then
  local since = redis.call('HGET', message, first)
  answer = { status = since and 'repeated' or 'not_awaited' }
  if since and since ~= '0' then
    redis.call('HSET', message, first, 0)
    add(id, -1)
    local left = tonumber(redis.call('HGET', awaited, id) or 0)
    -- The clock may have been set back.
    answer = { status = 'confirmed', delayMs = math.max(0, now - since), left = left }
  end
elseif step == 'withdraw' then
  for at, since in ipairs(redis.call('HMGET', message, unpack(ARGV, 5))) do
    if since and since ~= '0' then add(id, 0 - redis.call('HDEL', message, ARGV[at + 4])) end
  end
else
  local added, times = 0, {}
  for at, since in ipairs(redis.call('HMGET', message, unpack(ARGV, 5))) do
    if not since then added = added + 1 end
    if since ~= '0' then times[#times + 1], times[#times + 2] = ARGV[at + 4], now end
  end
  answer = (redis.call('HGET', awaited, 'all') or 0) + added <= tonumber(most)
  if answer then
    if #times > 0 then redis.call('HSET', message, unpack(times)) end
    add(id, added)
    redis.call('PEXPIRE', message, awaitMs)
    redis.call('ZADD', ends, now + awaitMs, id)
    -- Longer than anything is awaited.
    for _, key in ipairs({ awaited, ends }) do redis.call('PEXPIRE', key, 2 * 86400000) end
  end
end
return cjson.encode(answer)
