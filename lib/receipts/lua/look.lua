-- Tells what is known of a message.
--
-- KEYS   1   its hash, see shared.lua
-- ARGV   1   'all', or 'count'
-- Answer how many users are awaited, or nothing; with 'all', for how many milliseconds it is known, and the hash

local message = KEYS[1]
if ARGV[1] == 'count' then return redis.call('HGET', message, 'awaited') end
return { redis.call('PTTL', message), redis.call('HGETALL', message) }
