-- Keeps whose receipts are awaited. Every step first makes room of what is over.
--
-- KEYS   1   message  hash: for ':' with a user, since when it is awaited, in milliseconds, or '!' if it was confirmed
--        2   awaited  hash: how many users are awaited, of each message and of 'all'
--        3   ends     sorted set: when each message is over, in milliseconds
-- ARGV   1   the message's ID
--        2   the step:
--            'expect' awaits the users from now on, also if it did before; 'withdraw' does so no longer
--            'confirm' takes the receipt of the first user
--            'look' changes nothing, and neither does 'status'
--        3   how long they are awaited, in milliseconds
--        4   how many users may be awaited in all
--        5   the first user; the others follow
-- Answer of 'expect': 1, or 0 if there is no room
--        of 'confirm': milliseconds since it was awaited, or why the receipt does not count
--        of 'look': how many users of the message are awaited, or of 'all'
--        of 'status': for how many milliseconds it is known, and the message

local message, awaited, ends = unpack(KEYS)
local id, step, awaitMs, most = unpack(ARGV, 1, 4)
local users = { unpack(ARGV, 5) }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function add(to, count)
  redis.call('HINCRBY', awaited, 'all', count)
  if redis.call('HINCRBY', awaited, to, count) == 0 then redis.call('HDEL', awaited, to) end
end

repeat
  local over = redis.call('ZRANGEBYSCORE', ends, 0, now, 'LIMIT', 0, 1000)
  for _, ended in ipairs(over) do
    add(ended, 0 - (redis.call('HGET', awaited, ended) or 0))
    redis.call('ZREM', ends, ended)
  end
until #over < 1000

if step == 'expect' then
  local added, times = 0, {}
  for at, since in ipairs(redis.call('HMGET', message, unpack(users))) do
    if not since then added = added + 1 end
    if since ~= '!' then
      table.insert(times, users[at])
      table.insert(times, now)
    end
  end
  if (redis.call('HGET', awaited, 'all') or 0) + added > tonumber(most) then return 0 end
  if #times > 0 then redis.call('HSET', message, unpack(times)) end
  add(id, added)
  redis.call('PEXPIRE', message, awaitMs)
  redis.call('ZADD', ends, now + awaitMs, id)
  -- Longer than anything is awaited.
  for _, key in ipairs({ awaited, ends }) do redis.call('PEXPIRE', key, 2 * 86400000) end
  return 1
elseif step == 'withdraw' then
  for at, since in ipairs(redis.call('HMGET', message, unpack(users))) do
    if since and since ~= '!' then add(id, 0 - redis.call('HDEL', message, users[at])) end
  end
elseif step == 'confirm' then
  local since = redis.call('HGET', message, users[1])
  if not since then return 'not_awaited' end
  if since == '!' then return 'repeated' end
  redis.call('HSET', message, users[1], '!')
  add(id, -1)
  -- The clock may have been set back.
  return math.max(0, now - since)
elseif step == 'look' then
  return redis.call('HGET', awaited, id)
else
  return { redis.call('PTTL', message), redis.call('HGETALL', message) }
end
