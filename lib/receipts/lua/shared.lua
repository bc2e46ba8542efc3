-- What the scripts for receipts share. It stands before each of them. All keys are of one module.
--
-- KEYS   1   untils    sorted set: the IDs of messages, by when they are forgotten, in milliseconds
--        2   totals    hash: how many users are `awaited`, and how many are `kept`, of all messages
--        3   message   hash: since when each user is awaited, '' for who has confirmed, and under '' how many are awaited
-- ARGV   1   the message's ID

local untils, totals, message = unpack(KEYS)
local id = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function total(field) return tonumber(redis.call('HGET', totals, field)) or 0 end
local function is_known(one) return (tonumber(redis.call('ZSCORE', untils, one)) or 0) > now end
local function count(key, awaited, kept)
  redis.call('HINCRBY', key, '', awaited)
  redis.call('HINCRBY', totals, 'awaited', awaited)
  redis.call('HINCRBY', totals, 'kept', kept)
end
