-- Keeps whose receipts are awaited. Every step first makes room of what is over.
--
-- KEYS   1   message  hash: for ':' with a user, the requests that were accepted, or may be, each by its name, or '!' if
--                     the user has confirmed; for the name of a request, '/…', when it last left, in milliseconds
--        2   awaited  hash: how many users are awaited, of each message and of 'all'
--        3   ends     sorted set: when each message is over, in milliseconds
-- ARGV   1   the message's ID
--        2   the step:
--            'expect' awaits the users of a request from now on; the same may come again, when the request leaves again
--            'withdraw' does so no longer, since the request was certainly not accepted; those of others stay awaited
--            'confirm' takes the receipt of the first user
--            'look' changes nothing, and neither does 'status'
--        3   the request's name
--        4   how long it is awaited, in milliseconds
--        5   how many users may be awaited in all
--        6   the first user; the others follow
-- Answer of 'expect': 1, or 0 if there is no room
--        of 'confirm': milliseconds since the request left, or why the receipt does not count
--        of 'look': how many users are awaited in all, and of the message
--        of 'status': for how many milliseconds it is known, and the message

local message, awaited, ends = unpack(KEYS)
local id, step, name, awaitMs, most = unpack(ARGV, 1, 5)
local users = { unpack(ARGV, 6) }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function add(to, count)
  redis.call('HINCRBY', awaited, 'all', count)
  if redis.call('HINCRBY', awaited, to, count) == 0 then redis.call('HDEL', awaited, to) end
end

local function expect()
  local added, changes = 0, {}
  if redis.call('HEXISTS', message, name) == 0 then
    for at, others in ipairs(redis.call('HMGET', message, unpack(users))) do
      if others ~= '!' then
        if not others then added = added + 1 end
        table.insert(changes, users[at])
        table.insert(changes, (others or '') .. name)
      end
    end
    if (redis.call('HGET', awaited, 'all') or 0) + added > tonumber(most) then return 0 end
    if #changes > 0 then redis.call('HSET', message, unpack(changes)) end
    add(id, added)
  end
  redis.call('HSET', message, name, now)
  redis.call('PEXPIRE', message, awaitMs)
  redis.call('ZADD', ends, now + awaitMs, id)
  -- Longer than anything is awaited.
  for _, key in ipairs({ awaited, ends }) do redis.call('PEXPIRE', key, 2 * 86400000) end
  return 1
end

local function withdraw()
  if redis.call('HDEL', message, name) == 0 then return end
  for at, all in ipairs(redis.call('HMGET', message, unpack(users))) do
    if all and all ~= '!' then
      local others = string.gsub(all, name, '')
      redis.call('HSET', message, users[at], others)
      if others == '' then add(id, 0 - redis.call('HDEL', message, users[at])) end
    end
  end
end

local function confirm()
  local requests = redis.call('HGET', message, users[1])
  if not requests then return 'not_awaited' end
  if requests == '!' then return 'repeated' end
  redis.call('HSET', message, users[1], '!')
  add(id, -1)
  -- The clock may have been set back.
  return math.max(0, now - (redis.call('HGET', message, string.match(requests, '/%w+ $')) or now))
end

repeat
  local over = redis.call('ZRANGEBYSCORE', ends, 0, now, 'LIMIT', 0, 1000)
  for _, ended in ipairs(over) do
    add(ended, 0 - (redis.call('HGET', awaited, ended) or 0))
    redis.call('ZREM', ends, ended)
  end
until #over < 1000

if step == 'expect' then return expect() end
if step == 'withdraw' then return withdraw() end
if step == 'confirm' then return confirm() end
if step == 'look' then return { redis.call('HGET', awaited, 'all'), redis.call('HGET', awaited, id) } end
return { redis.call('PTTL', message), redis.call('HGETALL', message) }
