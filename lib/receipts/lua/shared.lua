-- What the scripts for receipts share. It stands before each of them. All keys are of one module.
--
-- KEYS   1   untils    sorted set: the IDs of messages, by when they are forgotten, in milliseconds
--        2   totals    hash: how many users are awaited, and how many are kept: 'awaited:' and 'kept:' with the ID of a
--                      message, and without one, of all messages. Nothing else says so.
--        3   message   hash: for ':' with a user, how many requests were accepted or may be (-1: the user has confirmed),
--                      ':', and since when; for '/' with a request, whether it counts: 1, or 0 if it was withdrawn
-- ARGV   1   the message's ID

local untils, totals, message = unpack(KEYS)
local id = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function total(field) return tonumber(redis.call('HGET', totals, field)) or 0 end
local function is_known(one) return (tonumber(redis.call('ZSCORE', untils, one)) or 0) > now end
local function count(one, awaited, kept)
  for _, of in ipairs({ '', one }) do
    redis.call('HINCRBY', totals, 'awaited:' .. of, awaited)
    redis.call('HINCRBY', totals, 'kept:' .. of, kept)
  end
end
local function read(key, user)
  local requests, since = string.match(redis.call('HGET', key, user) or '', '^(-?%d+):(%d+)$')
  return tonumber(requests), tonumber(since)
end
local function write(key, user, requests, since)
  redis.call('HSET', key, user, string.format('%d:%.0f', requests, since))
end
-- Processes may have different options: what one of them keeps for long, another one must not cut short.
local function hold(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end
